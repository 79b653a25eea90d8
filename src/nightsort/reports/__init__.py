"""What people read: one data file, rendered as HTML, JSON and Markdown."""
