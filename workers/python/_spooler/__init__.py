"""The task worker behind the modules uwsgi and uwsgidecorators. docs/worker-protocol.md and
docs/python.md say what it does."""
