# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Real servers for the tests: httpd, PostgreSQL, SQLite. Each in a folder of its own, stopped by pid."""
