// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {DeliveryVersusPayment} from "../src/DeliveryVersusPayment.sol";
import {IDeliveryVersusPayment} from "../src/IDeliveryVersusPayment.sol";
import {HostileToken} from "../test/HostileToken.sol";
import {vm, Vm} from "./Vm.sol";

/// @notice Sends random batches to the settlement contract and keeps books of its own from the TradeSettled events.
/// Few ids, wallets and tokens, so that replays, duplicates and conflicts are common; tokens change their manners.
contract Trader {
    uint256 private constant IDS = 40;
    uint256 private constant MODES = 20;
    uint256 private constant MINTED = 1_000;

    DeliveryVersusPayment public immutable DVP;
    HostileToken[4] public tokens; // two securities, two payment tokens
    address[4] public wallets = [address(0xA1), address(0xB2), address(0xC3), address(0xD4)];

    mapping(address token => mapping(address wallet => uint256 balance)) public booked;
    mapping(bytes32 id => uint256 times) public timesSettled;
    uint256 public settledTrades;
    uint256 public failedTrades;

    constructor(DeliveryVersusPayment dvp, HostileToken[4] memory tokens_) {
        DVP = dvp;
        tokens = tokens_;
        for (uint256 t = 0; t < 4; ++t) {
            for (uint256 w = 0; w < 4; ++w) {
                tokens[t].mint(wallets[w], MINTED);
                booked[address(tokens[t])][wallets[w]] = MINTED;
                vm.prank(wallets[w]);
                tokens[t].approve(address(dvp), MINTED);
            }
        }
    }

    function allow(uint256 token, uint256 wallet, uint256 amount) external {
        vm.prank(wallets[wallet % 4]);
        tokens[token % 4].approve(address(DVP), amount % (2 * MINTED));
    }

    /// @dev Half of the time a token behaves, so that trades do settle.
    function misbehave(uint256 token, uint256 mode) external {
        uint256 chosen = mode % (2 * MODES);
        tokens[token % 4].setMode(HostileToken.Mode(chosen < MODES ? chosen : 0));
    }

    /// @dev What a re-entering token will try; tokens are operators, so only the guard stands in their way.
    function arm(uint256 token, uint256 seed) external {
        IDeliveryVersusPayment.Trade[] memory trades = new IDeliveryVersusPayment.Trade[](1);
        trades[0] = _trade(uint256(keccak256(abi.encode(seed))));
        tokens[token % 4].setCall(address(DVP), abi.encodeCall(DVP.settle, (trades)));
    }

    function wait(uint256 time) external {
        vm.warp(block.timestamp + (time % 20));
    }

    function settle(uint256[6] calldata seeds) external {
        uint256 size = 1 + (seeds[0] % 6);
        IDeliveryVersusPayment.Trade[] memory trades = new IDeliveryVersusPayment.Trade[](size);
        for (uint256 i = 0; i < size; ++i) {
            trades[i] = _trade(uint256(keccak256(abi.encode(seeds[i]))));
        }
        vm.recordLogs();
        uint256 count = DVP.settle(trades);
        _book(vm.getRecordedLogs(), size, count);
    }

    function _trade(uint256 seed) private view returns (IDeliveryVersusPayment.Trade memory) {
        return IDeliveryVersusPayment.Trade({
            id: bytes32(1 + (seed % IDS)),
            seller: wallets[(seed >> 32) % 4],
            buyer: wallets[(seed >> 48) % 4],
            security: address(tokens[(seed >> 64) % 2]),
            payment: address(tokens[2 + ((seed >> 80) % 2)]),
            quantity: uint128((seed >> 96) % 120),
            amount: uint128((seed >> 128) % 120),
            deadline: uint64(block.timestamp + ((seed >> 160) % 20) - 1)
        });
    }

    function _book(Vm.Log[] memory logs, uint256 size, uint256 count) private {
        uint256 settledHere = 0;
        uint256 failedHere = 0;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter != address(DVP)) continue;
            if (logs[i].topics[0] == IDeliveryVersusPayment.TradeFailed.selector) {
                ++failedHere;
                continue;
            }
            ++settledHere;
            ++timesSettled[logs[i].topics[1]];
            _bookSettled(logs[i]);
        }
        require(settledHere == count, "count returned is not the number of TradeSettled");
        require(settledHere + failedHere == size, "a trade has no event, or two");
        settledTrades += settledHere;
        failedTrades += failedHere;
    }

    function _bookSettled(Vm.Log memory log) private {
        address seller = address(uint160(uint256(log.topics[2])));
        address buyer = address(uint160(uint256(log.topics[3])));
        (address security, uint256 quantity, address payment, uint256 amount) = abi.decode(
            log.data,
            (address, uint256, address, uint256)
        );
        booked[security][seller] -= quantity;
        booked[security][buyer] += quantity;
        booked[payment][buyer] -= amount;
        booked[payment][seller] += amount;
    }
}

