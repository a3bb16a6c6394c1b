"""Why a deployment failed: known causes, and the evidence that is kept."""
