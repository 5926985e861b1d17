"""The page that `zoo app` shows in a browser: each screen is a module with `show(run)`."""
