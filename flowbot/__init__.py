"""flowbot: run Enkapush web-push flows from Slack, with the team's approval as the seat belt."""
