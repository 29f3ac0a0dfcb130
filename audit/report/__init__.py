"""From judged facts to the one structure that every renderer draws."""
