"""What the actions do, a module a menu: each has `bind(workspace)`."""
