"""What an evaluation leaves behind: layers by sets of pictures, as numbers, tables and plots."""
