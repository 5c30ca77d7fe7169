"""Dashboard: what an administrator sees and does at a browser, on the admin port under `/admin/`."""
