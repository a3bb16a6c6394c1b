"""How its things are shown, on its own pages and on others', and in the API."""
