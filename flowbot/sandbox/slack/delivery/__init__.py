"""From the workspace to the bot: signed HTTP or Socket Mode."""
