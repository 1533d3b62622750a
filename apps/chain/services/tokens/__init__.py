"""Tokens of securities: deployed by us, and open for trading."""

from apps.chain.services.tokens.deploying import DEPLOY, deploy_token
from apps.chain.services.tokens.opening import ALLOW, UNPAUSE, give_up, go_live, open_deployed

__all__ = ["ALLOW", "DEPLOY", "UNPAUSE", "deploy_token", "give_up", "go_live", "open_deployed"]
