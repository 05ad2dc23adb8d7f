"""What a request asks for: parameters, time range, scope, errors, and the context of the app."""
