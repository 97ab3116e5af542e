"""Block Kit's rules, as Slack enforces them.

The limits are those of docs.slack.dev (Block Kit reference). Where Slack is vague
about what a character is, the stricter count holds (UTF-16 units).
"""
