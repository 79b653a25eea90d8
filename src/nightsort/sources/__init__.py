"""Where pictures come from: folders and archives."""
