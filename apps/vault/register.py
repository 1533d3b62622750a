"""The register of personal data: every stored text, document, address and date is encrypted, or stands here with why.

An architecture test walks all models and holds it: a new column of such a kind is an encrypted one
(apps.vault.fields) or gets a line here, and a line whose column is gone goes too. Codes with choices, keys, amounts,
flags and instants need no line. docs/personal-data.md tells it for people.
"""

from collections.abc import Mapping

CODE = "a code, name or key that we or the caller's software chose, never about a person"
CHAIN = "public on chain: addresses are pseudonyms, and whose they are is in compliance_wallet alone"
SECURITY = "public reference data of a security or an issuer"
DIGEST = "a digest, signature or wrapped key: nothing can be read from it"
OURS = "our own words, or about our own servers"
COUNTRY = "two letters that thousands share; public on chain as the ERC-3643 country, and rules join on it"
TOKEN = "sealed under DJANGO_SECRET_KEY by apps.core.sealing, since core lies below the vault"  # noqa: S105
TRADE = "business records of the books, kept by law; no name, the party is a key"

_LINES: Mapping[str, str] = {
    CODE: """
        accounts.User rate_tier
        audit.AuditLog request_id action resource_type resource_id before after
        audit.AuditLeaf stream
        audit.AuditEnding record reference
        audit.AuditHold resource_type resource_id reference
        audit.AuditHead log
        audit.AuditAnchor log place version_id
        audit.AuditSigningKey key_id
        chain.Block final_by
        chain.ContractAddress name
        chain.RpcEndpoint name capabilities lied_at
        chain.Signer frozen_reason
        chain.StreamCursor name halted
        chain.TxIntent business_key kind reason reason_detail
        chain.TxIntentEvent reason
        chain.Intervention reason
        chain.SignerRelease reason
        chain.DeadLetter reason
        chain.ChainIdentity reason
        chain.StorageLayout reason
        chain.TokenBinding reason
        compliance.EligibilityDecision isin subject_ref codes
        compliance.WalletRegistration isin
        contenttypes.ContentType app_label model
        admin.LogEntry object_id object_repr change_message
        auth.Group name
        auth.Permission name codename
        core.Alert dedup_key summary source
        core.CacheGeneration path
        core.IdempotentRequest principal route key headers
        core.InboundWebhook provider event_id refusal
        core.OutboxEvent topic key payload request_id
        core.ProviderCircuit name last_error
        core.RateCounter key
        core.ScheduledJob name
        core.WorkItem kind key payload last_error
        dex.Command shard client_command_id isin side request_id
        dex.Inbox shard
        dex.JournalEntry shard
        dex.Sequencer shard
        dex.Verdict code
        issuance.IssuanceControl isin
        issuance.IssuanceRequest client_request_id isin failure_reason
        ledger.LedgerAccount control
        ledger.LedgerAsset code
        ledger.LedgerHoldEntry idem_key source_ref
        ledger.LedgerTransfer idem_key source_ref
        reconciliation.Break identity isin
        reconciliation.BreakEvent remedy
        reconciliation.Resolution reason remedy
        sessions.Session session_key session_data
        settlement.ExpectedMovement ref asset
        settlement.ProjectionCursor name
        settlement.SettlementInstruction trade_ref isin reason_detail
        settlement.SettlementStatusEvent reason_code reason_detail
        settlement.UnexplainedMovement asset
        vault.Document kind media_type
        vault.KeyRotation purpose
        vault.PurposeKey purpose provider_key
        vault.RotatedColumn model column cursor
        vault.SubjectKey purpose
        vault.SubjectHold reference
    """,
    CHAIN: """
        chain.Block hash parent_hash state_root receipts_root logs_bloom
        chain.Chain genesis_hash
        chain.ChainIdentity wallet_address identity
        chain.ContractAddress address tx_hash
        chain.DeadLetter address
        chain.HolderBalance token wallet
        chain.LateEffect sender recipient
        chain.RawLog tx_hash address topics data sender recipient
        chain.RegistryEntry isin
        chain.Reorganisation ancestor_hash tip_hash
        chain.RpcEndpoint final_hash
        chain.Signer address
        chain.SignerUse token
        chain.StreamCursor hash
        chain.StorageLayout balances_slot supply_slot block_hash
        chain.TokenBinding isin name symbol address identity_registry authority agents
        chain.TokenCheck block_hash differences
        chain.TxAttempt raw hash
        chain.TxIntent to data expect_topic expect_topics expect_address expect_data tx_hash block_hash event
        chain.TxIntentEvent tx_hash block_hash
        chain.TokenSupply token
        chain.WatchedContract address
        compliance.EligibilityDecision wallet_address
        compliance.Wallet address
        compliance.WalletChallenge address message
        dex.Command wallet_address
        dex.Order wallet_address
        issuance.IssuanceRequest wallet_address tx_hash
        ledger.LedgerAccount wallet_address
        ledger.LedgerWalletOwner wallet_address
        reconciliation.Break wallet_address
        reconciliation.BreakEvent asset tx_hash
        reconciliation.Resolution asset
        reconciliation.Attestation block_hash state_root header account leaves
        reconciliation.CutOff block_hash state_root
        reconciliation.StorageNode encoded
        settlement.ExpectedMovement wallet_address tx_hash
        settlement.ProjectedContract address asset
        settlement.ProjectionCursor hash
        settlement.SettlementInstruction dvp_id seller_wallet buyer_wallet tx_hash
        settlement.SettlementStatusEvent tx_hash
        settlement.UnexplainedMovement contract_address tx_hash block_hash from_address to_address
    """,
    SECURITY: """
        securities.Issuer lei
        securities.Security isin name cfi
        securities.TradingTerms cash_asset
    """,
    DIGEST: """
        accounts.User password
        audit.AuditOrigin committed
        audit.AuditLeafHash hash
        audit.AuditExport manifest_sha256
        audit.AuditTile data
        audit.AuditHead root signature
        audit.AuditAnchor root digest tx_hash
        audit.AuditVerification root
        audit.AuditSigningKey public_key
        core.IdempotentRequest fingerprint
        core.InboundWebhook body_sha256
        dex.BookState isin book_hash
        dex.Command fingerprint
        dex.JournalEntry prev_hash hash
        dex.Sequencer last_hash
        issuance.IssuanceRequest fingerprint
        reconciliation.Break accepted
        reconciliation.BreakEvent fingerprint
        reconciliation.Resolution fingerprint
        reconciliation.Attestation positions_root storage_root signature public_key
        reconciliation.StorageNode hash
        vault.Document stored_sha256
        vault.PurposeKey wrapped check_value
        vault.SubjectKey wrapped
    """,
    OURS: """
        audit.AuditExpiryRun staying
        audit.AuditExport place
        audit.AuditRetention citation
        chain.DeadLetter asked_reason
        core.EngineState name host last_error
        core.WorkerHeartbeat name
        notifications.NotificationTemplate title body
        reconciliation.BreakEvent message details
        reconciliation.CutOff endpoints
        reconciliation.Attestation isin statement key_id
        reconciliation.Run isin problems
        vault.SubjectErasure complete_on
    """,
    COUNTRY: """
        accounts.Party country
        compliance.InvestorProfile tax_residence
    """,
    TOKEN: """
        core.IdempotentRequest answer
        core.InboundWebhook body
    """,
    TRADE: """
        dex.JournalEntry body
        dex.Order isin side order_type time_in_force reason
        dex.Command time_in_force
        dex.Trade isin taker_side cash_asset
        notifications.Notification title body
        settlement.SettlementInstruction cash_asset trade_date intended_settlement_date
    """,
}


def not_personal() -> dict[str, str]:
    """Why a column ("app.Model.column") is stored in the clear. Raises ValueError for one that stands here twice."""
    found: dict[str, str] = {}
    for reason, lines in _LINES.items():
        for line in lines.strip().splitlines():
            model, *columns = line.split()
            for name in (f"{model}.{column}" for column in columns):
                if name in found:
                    raise ValueError(f"{name} stands in the register twice")
                found[name] = reason
    return found
