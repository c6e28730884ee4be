"""What a run leaves behind: shards of codes, tables, a contact sheet, a report, TensorBoard events.

Knows pictures and nothing of how a code is found.
"""
