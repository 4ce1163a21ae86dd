"""Planning: rows and stories become the tasks of a plan."""
