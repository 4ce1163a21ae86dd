"""Hand a task to the AI provider that suits it best and still has room."""
