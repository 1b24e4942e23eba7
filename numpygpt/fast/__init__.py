"""The same numbers, sooner: README.md says what each file gains."""
