"""Reading the config folder."""
