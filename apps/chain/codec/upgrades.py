"""What a token, or who decides for it, says when other code runs at its address: ERC-1967, T-REX. Pure."""

from apps.chain import calls

OF_TOKENS = {
    calls.topic_of(event): event.partition("(")[0]
    for event in ("Upgraded(address)", "BeaconUpgraded(address)", "ImplementationAuthoritySet(address)")
}
OF_AUTHORITIES = {
    calls.topic_of(event): event.partition("(")[0]
    for event in ("VersionUpdated((uint8,uint8,uint8))", "UpdatedImplementation(address)", "Upgraded(address)")
}
