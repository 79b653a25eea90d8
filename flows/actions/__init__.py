"""What a command does that is no flow: looks, exports, upkeep."""
