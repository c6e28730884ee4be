"""Editing: codes moved along attributes, and towards what is painted or what a network sees."""
