"""A Model Context Protocol server over the JSON API, a process of its own that only `lab mcp` starts."""
