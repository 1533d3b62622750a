// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {DeliveryVersusPayment} from "../src/DeliveryVersusPayment.sol";
import {IDeliveryVersusPayment} from "../src/IDeliveryVersusPayment.sol";
import {HostileToken} from "../test/HostileToken.sol";
import {Trader} from "./Trader.sol";
import {vm} from "./Vm.sol";

/// @notice Atomicity and once-only, under random batches of random trades in tokens that misbehave at random.
contract DeliveryVersusPaymentFuzz {
    DeliveryVersusPayment private _dvp;
    HostileToken[4] private _tokens;
    Trader private _trader;

    function setUp() external {
        vm.warp(1_000_000);
        _dvp = new DeliveryVersusPayment(address(this), address(this), address(this), 600_000);
        for (uint256 i = 0; i < 4; ++i) {
            _tokens[i] = new HostileToken();
            IDeliveryVersusPayment.TokenKind kind = i < 2
                ? IDeliveryVersusPayment.TokenKind.SECURITY
                : IDeliveryVersusPayment.TokenKind.PAYMENT;
            _dvp.allowToken(address(_tokens[i]), kind);
            _dvp.grantRole(_dvp.OPERATOR_ROLE(), address(_tokens[i]));
        }
        _trader = new Trader(_dvp, _tokens);
        _dvp.grantRole(_dvp.OPERATOR_ROLE(), address(_trader));
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_trader);
    }

    /// @dev A half-settled trade, or one that moved twice, would part the balances from the events.
    function invariant_balancesAreWhatTheEventsSay() external {
        for (uint256 t = 0; t < 4; ++t) {
            _tokens[t].setMode(HostileToken.Mode.HONEST);
            for (uint256 w = 0; w < 4; ++w) {
                address wallet = _trader.wallets(w);
                require(_tokens[t].balanceOf(wallet) == _trader.booked(address(_tokens[t]), wallet), "one leg moved");
            }
        }
    }

    function invariant_noIdSettlesTwice() external view {
        for (uint256 id = 0; id <= 41; ++id) {
            uint256 times = _trader.timesSettled(bytes32(id));
            require(times <= 1, "settled twice");
            require(_dvp.settled(bytes32(id)) == (times == 1), "settled() and TradeSettled disagree");
        }
    }

    function invariant_theContractHoldsNothing() external {
        for (uint256 t = 0; t < 4; ++t) {
            _tokens[t].setMode(HostileToken.Mode.HONEST);
            require(_tokens[t].balanceOf(address(_dvp)) == 0, "tokens left in the contract");
        }
    }

    /// @dev A run in which nothing settled, or nothing failed, would prove nothing.
    function afterInvariant() external view {
        require(_trader.settledTrades() > 0 && _trader.failedTrades() > 0, "the run tried nothing");
    }

    /// @dev Settles exactly when both sides can pay and both have allowed it; else nothing moves.
    function testFuzz_bothLegsOrNeither(
        uint128 quantity,
        uint128 amount,
        uint256[2] calldata held,
        uint256[2] calldata allowed
    ) external {
        address[2] memory sides = [address(0x5E11E4), address(0xB0BB)];
        HostileToken[2] memory legs = [_tokens[0], _tokens[2]];
        for (uint256 i = 0; i < 2; ++i) {
            legs[i].mint(sides[i], held[i] % 2 ** 129);
            vm.prank(sides[i]);
            legs[i].approve(address(_dvp), allowed[i] % 2 ** 129);
        }
        IDeliveryVersusPayment.Trade[] memory trades = new IDeliveryVersusPayment.Trade[](1);
        trades[0] = IDeliveryVersusPayment.Trade(
            bytes32(uint256(1)), sides[0], sides[1], address(legs[0]), address(legs[1]), quantity, amount, 1_000_000
        );
        bool possible = quantity > 0 && amount > 0 && _can(legs[0], sides[0], quantity) && _can(legs[1], sides[1], amount);
        uint256 count = _dvp.settle(trades);
        require(count == (possible ? 1 : 0), "settled what it should not, or did not");
        require(legs[0].balanceOf(sides[1]) == (possible ? quantity : 0), "security leg");
        require(legs[1].balanceOf(sides[0]) == (possible ? amount : 0), "payment leg");
    }

    /// @dev Whatever gas is given, the call settles all of a good batch or reverts.
    function testFuzz_gasNeverFailsATrade(uint256 gasGiven) external {
        IDeliveryVersusPayment.Trade[] memory trades = new IDeliveryVersusPayment.Trade[](3);
        address[2] memory sides = [address(0x5E11E4), address(0xB0BB)];
        _tokens[0].setMode(HostileToken.Mode.SLOW);
        _tokens[0].mint(sides[0], 3);
        _tokens[2].mint(sides[1], 3);
        vm.prank(sides[0]);
        _tokens[0].approve(address(_dvp), 3);
        vm.prank(sides[1]);
        _tokens[2].approve(address(_dvp), 3);
        for (uint256 i = 0; i < 3; ++i) {
            trades[i] = IDeliveryVersusPayment.Trade(
                bytes32(i + 1), sides[0], sides[1], address(_tokens[0]), address(_tokens[2]), 1, 1, 1_000_000
            );
        }
        try _dvp.settle{gas: gasGiven % 2_500_000}(trades) returns (uint256 count) {
            require(count == 3, "a trade was failed for want of gas");
        } catch {
            require(_tokens[0].balanceOf(sides[0]) == 3 && !_dvp.settled(bytes32(uint256(1))), "half a batch stands");
        }
    }

    function _can(HostileToken token, address holder, uint256 amount) private view returns (bool) {
        return token.balanceOf(holder) >= amount && token.allowance(holder, address(_dvp)) >= amount;
    }
}
