"""The little of AWS that an app server needs: who am I, a signature, one secret. No SDK."""
