"""The first contact with an account: what AWS answers, step by step, recorded, cleaned up and reported."""
