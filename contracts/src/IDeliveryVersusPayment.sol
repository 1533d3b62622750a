// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @title IDeliveryVersusPayment
/// @notice Types, events and errors of the settlement contract.
interface IDeliveryVersusPayment {
    /// @notice What a token may be used for. Only allow-listed tokens are ever called.
    enum TokenKind {
        NONE,
        SECURITY,
        PAYMENT
    }

    /// @notice One trade: `quantity` of `security` from seller to buyer against `amount` of `payment` from buyer to seller.
    /// @param id Chosen by the operator, never zero; settles at most once.
    /// @param quantity Base units of the security.
    /// @param amount Base units of the payment token.
    /// @param deadline Last block timestamp (seconds) at which the trade may settle.
    struct Trade {
        bytes32 id;
        address seller;
        address buyer;
        address security;
        address payment;
        uint128 quantity;
        uint128 amount;
        uint64 deadline;
    }

    /// @notice Both legs moved in full.
    event TradeSettled(
        bytes32 indexed id,
        address indexed seller,
        address indexed buyer,
        address security,
        uint256 quantity,
        address payment,
        uint256 amount
    );

    /// @notice Neither leg moved. The id stays free: the trade may be sent again until its deadline.
    /// @param reason ABI-encoded error of this interface, or empty where the trade ran out of its gas.
    event TradeFailed(bytes32 indexed id, bytes reason);

    event TokenAllowed(address indexed token, TokenKind kind);
    event TradeGasLimitSet(uint256 gasLimit);

    // Reasons of a failed trade, found inside TradeFailed.
    error AlreadySettled();
    error Expired();
    error BadTrade();
    error TokenNotAllowed(address token);
    /// @dev `reason` is the token's own revert data, cut at 256 bytes. A token may write anything there: never
    /// decide by it, ask `settled(id)`.
    error TransferFailed(address token, bytes reason);
    error ReturnedFalse(address token);
    error BalanceUnreadable(address token);
    error WrongAmountReceived(address token, uint256 expected, uint256 received);

    // Reverts of the whole call.
    /// @dev Trade number `index` could not be given its full gas; nothing of the call stands.
    error InsufficientGas(uint256 index);
    error OnlySelf();
    error NotAContract(address token);
    error BadTradeGasLimit(uint256 gasLimit);

    /// @notice Settles each trade on its own: a failing one is reported and the others stand.
    /// @return count Trades settled by this call.
    function settle(Trade[] calldata trades) external returns (uint256 count);

    /// @notice Whether both legs of the trade have moved. The only answer to trust, beside `TradeSettled`.
    function settled(bytes32 id) external view returns (bool);

    function allowToken(address token, TokenKind kind) external;

    function tokenKind(address token) external view returns (TokenKind);

    function setTradeGasLimit(uint256 gasLimit) external;

    function tradeGasLimit() external view returns (uint256);
}
