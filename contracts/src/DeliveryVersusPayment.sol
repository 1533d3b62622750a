// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IDeliveryVersusPayment} from "./IDeliveryVersusPayment.sol";

/// @title DeliveryVersusPayment
/// @notice Settles trades of allow-listed securities against allow-listed payment tokens: both legs move, or neither.
/// @dev The contract never holds a token and nobody can make it move one outside a trade. Seller and buyer each
/// grant it an allowance; the operator names the trades. Every trade runs in a call of the contract to itself, with a
/// fixed amount of gas, so that a hostile token stops its own trade and no other.
contract DeliveryVersusPayment is IDeliveryVersusPayment, AccessControl, Pausable, ReentrancyGuardTransient {
    using BitMaps for BitMaps.BitMap;

    /// @notice Sends trades to settle.
    bytes32 public constant OPERATOR_ROLE = keccak256("OPERATOR_ROLE");
    /// @notice Stops settlement in an emergency. Only the admin resumes it.
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");

    uint256 public constant MIN_TRADE_GAS_LIMIT = 200_000;
    uint256 public constant MAX_TRADE_GAS_LIMIT = 8_000_000;

    /// @dev Gas kept by `settle` for the call itself and for the event that follows it.
    uint256 private constant TRADE_OVERHEAD = 30_000;
    /// @dev Bytes of a token's revert data that are kept. Error(string) of 156 characters fits.
    uint256 private constant MAX_REASON = 256;

    /// @inheritdoc IDeliveryVersusPayment
    mapping(address token => TokenKind kind) public tokenKind;
    /// @inheritdoc IDeliveryVersusPayment
    uint256 public tradeGasLimit;
    /// @dev 256 neighbouring ids share a slot, so that sequential ids cost a fifth of random ones.
    BitMaps.BitMap private _settled;

    /// @param admin Allow-lists tokens, sets the gas limit, grants roles, resumes.
    /// @param operator First holder of OPERATOR_ROLE.
    /// @param pauser First holder of PAUSER_ROLE.
    /// @param gasLimit Gas each trade is given, see {setTradeGasLimit}.
    constructor(address admin, address operator, address pauser, uint256 gasLimit) {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(OPERATOR_ROLE, operator);
        _grantRole(PAUSER_ROLE, pauser);
        _setTradeGasLimit(gasLimit);
    }

    /// @inheritdoc IDeliveryVersusPayment
    function settle(
        Trade[] calldata trades
    ) external onlyRole(OPERATOR_ROLE) whenNotPaused nonReentrant returns (uint256 count) {
        uint256 gasLimit = tradeGasLimit;
        // A call passes on at most 63/64 of the gas left, whatever it is asked for (EIP-150).
        uint256 gasNeeded = (gasLimit * 64) / 63 + TRADE_OVERHEAD;
        for (uint256 i = 0; i < trades.length; ++i) {
            if (gasleft() < gasNeeded) revert InsufficientGas(i);
            Trade calldata trade = trades[i];
            // Each call is bounded by its gas and cannot stop the loop.
            // slither-disable-next-line calls-loop
            try this.settleOne{gas: gasLimit}(trade) {
                ++count;
                _emitSettled(trade);
            } catch (bytes memory reason) {
                // settleOne reverts with our own errors only, so `reason` is short.
                emit TradeFailed(trade.id, reason);
            }
        }
    }

    /// @notice The boundary within which both legs stand or fall. Only the contract itself may call it.
    function settleOne(Trade calldata trade) external {
        if (msg.sender != address(this)) revert OnlySelf();
        _check(trade);
        _settled.set(uint256(trade.id)); // before the calls out; undone with them
        _move(trade.payment, trade.buyer, trade.seller, trade.amount);
        _move(trade.security, trade.seller, trade.buyer, trade.quantity);
    }

    /// @notice Lists `token` for one use, or takes it off with TokenKind.NONE.
    function allowToken(address token, TokenKind kind) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (kind != TokenKind.NONE && token.code.length == 0) revert NotAContract(token);
        tokenKind[token] = kind;
        emit TokenAllowed(token, kind);
    }

    /// @notice Gas each trade is given; the price of one gas-burning token. Trades of tokens with many claim topics
    /// or compliance modules need more.
    function setTradeGasLimit(uint256 gasLimit) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _setTradeGasLimit(gasLimit);
    }

    /// @notice Stops settlement. Allowances stay with their owners, who can withdraw them at any time.
    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    /// @notice Resumes settlement.
    function unpause() external onlyRole(DEFAULT_ADMIN_ROLE) {
        _unpause();
    }

    /// @inheritdoc IDeliveryVersusPayment
    function settled(bytes32 id) external view returns (bool) {
        return _settled.get(uint256(id));
    }

    function _setTradeGasLimit(uint256 gasLimit) private {
        if (gasLimit < MIN_TRADE_GAS_LIMIT || gasLimit > MAX_TRADE_GAS_LIMIT) revert BadTradeGasLimit(gasLimit);
        tradeGasLimit = gasLimit;
        emit TradeGasLimitSet(gasLimit);
    }

    function _check(Trade calldata trade) private view {
        if (_settled.get(uint256(trade.id))) revert AlreadySettled();
        // A deadline is chain time by definition; a proposer moves it by seconds at most.
        // slither-disable-next-line timestamp
        if (block.timestamp > trade.deadline) revert Expired();
        if (trade.id == 0 || trade.quantity == 0 || trade.amount == 0) revert BadTrade();
        if (trade.seller == address(0) || trade.buyer == address(0) || trade.seller == trade.buyer) revert BadTrade();
        if (tokenKind[trade.security] != TokenKind.SECURITY) revert TokenNotAllowed(trade.security);
        if (tokenKind[trade.payment] != TokenKind.PAYMENT) revert TokenNotAllowed(trade.payment);
    }

    /// @dev Moves one leg by the owner's allowance and sees that it arrived whole. A token that returns nothing is
    /// accepted (older ERC-20s do that): what counts is what was received.
    function _move(address token, address from, address to, uint256 amount) private {
        uint256 before = _balanceOf(token, to);
        // The third value is the answer's second word, which transferFrom does not have.
        // slither-disable-next-line unused-return
        (bool success, bytes32 returned, ) = LowLevelCall.callReturn64Bytes(
            token,
            abi.encodeCall(IERC20.transferFrom, (from, to, amount))
        );
        if (!success) revert TransferFailed(token, _revertReason());
        uint256 size = LowLevelCall.returnDataSize();
        if (size != 0 && (size < 32 || uint256(returned) != 1)) revert ReturnedFalse(token);
        uint256 received = Math.saturatingSub(_balanceOf(token, to), before);
        if (received != amount) revert WrongAmountReceived(token, amount, received);
    }

    /// @dev Copies one word of the answer, however much the token returns.
    function _balanceOf(address token, address holder) private view returns (uint256) {
        // slither-disable-next-line unused-return
        (bool success, bytes32 balance, ) = LowLevelCall.staticcallReturn64Bytes(
            token,
            abi.encodeCall(IERC20.balanceOf, (holder))
        );
        if (!success || LowLevelCall.returnDataSize() < 32) revert BalanceUnreadable(token);
        return uint256(balance);
    }

    /// @dev First MAX_REASON bytes of the last call's revert data; copying all of it would let a token spend our gas.
    function _revertReason() private pure returns (bytes memory reason) {
        uint256 size = Math.min(LowLevelCall.returnDataSize(), MAX_REASON);
        reason = new bytes(size);
        // Solidity cannot copy a part of the return data.
        // slither-disable-next-line assembly
        assembly ("memory-safe") {
            returndatacopy(add(reason, 0x20), 0x00, size)
        }
    }

    function _emitSettled(Trade calldata trade) private {
        emit TradeSettled(
            trade.id,
            trade.seller,
            trade.buyer,
            trade.security,
            trade.quantity,
            trade.payment,
            trade.amount
        );
    }
}
