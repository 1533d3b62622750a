"""Tokens of securities: deployed by us or found on the chain, held against their storage, open for trading."""

from apps.chain.services.tokens.checking import Check, Difference, check_token
from apps.chain.services.tokens.deploying import deploy_token
from apps.chain.services.tokens.ending import end_token, hold_token
from apps.chain.services.tokens.layouts import verify_layout
from apps.chain.services.tokens.minting import admit_minter, admitted, is_admission, not_admitted
from apps.chain.services.tokens.opening import AGENT, ALLOW, DEPLOY, UNPAUSE, give_up, go_live, open_deployed
from apps.chain.services.tokens.registering import register_token

__all__ = [
    "AGENT",
    "ALLOW",
    "DEPLOY",
    "UNPAUSE",
    "Check",
    "Difference",
    "admit_minter",
    "admitted",
    "check_token",
    "deploy_token",
    "end_token",
    "give_up",
    "go_live",
    "hold_token",
    "is_admission",
    "not_admitted",
    "open_deployed",
    "register_token",
    "verify_layout",
]
