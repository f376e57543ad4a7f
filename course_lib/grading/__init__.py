"""What instructors run. A student's installation never imports this package."""
