"""What people are asked about pictures, and what they answer."""
