"""One module a command, each with its `command`; `web.cli` loads them by name."""
