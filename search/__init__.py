"""Questions and answers: queries, the engines that answer them, and results."""
