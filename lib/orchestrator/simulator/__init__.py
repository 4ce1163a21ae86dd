"""A loopback upstream that speaks the providers' dialects, keeps books and fails on request."""
