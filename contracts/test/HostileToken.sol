// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";

/// @notice TEST ONLY. An ERC-20 that anyone may mint and that misbehaves as told.
contract HostileToken is ERC20 {
    enum Mode {
        HONEST,
        RETURNS_FALSE, // says no and moves nothing, without reverting
        RETURNS_NOTHING, // moves, returns no data (older ERC-20s)
        RETURNS_TWO, // moves, returns a word that is no bool
        RETURNS_ONE_BYTE, // moves, returns one byte
        LIES, // says yes and moves nothing
        TAKES_FEE, // one per cent never arrives
        OVERPAYS, // one unit too many arrives
        REVERT_BOMB, // reverts with 100 kB
        RETURN_BOMB, // moves, returns 100 kB that starts with `true`
        BURNS_GAS, // never ends
        REVERTS_WITH, // reverts with the stored payload
        REENTERS, // calls the stored target, passing on its revert
        REENTERS_QUIETLY, // calls the stored target, hiding its revert
        BALANCE_BURNS_GAS, // balanceOf never ends
        BALANCE_BOMB, // balanceOf returns 100 kB
        BALANCE_REVERT_BOMB, // balanceOf reverts with 100 kB
        BALANCE_EMPTY, // balanceOf returns nothing
        BALANCE_DROPS, // the receiver's balance falls to nothing
        SLOW // honest and dear: half a trade's gas
    }

    uint256 private constant BOMB = 100_000;

    Mode public mode;
    bytes public payload;
    address public target;
    uint256 public reentries;
    bool public reentrySucceeded;

    constructor() ERC20("Hostile", "HOST") {}

    function setMode(Mode mode_) external {
        mode = mode_;
    }

    function setCall(address target_, bytes calldata payload_) external {
        target = target_;
        payload = payload_;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function balanceOf(address holder) public view override returns (uint256) {
        if (mode == Mode.BALANCE_BURNS_GAS) _burnGas(0);
        if (mode == Mode.BALANCE_REVERT_BOMB) _bomb(false);
        if (mode == Mode.BALANCE_BOMB) _bomb(true);
        if (mode == Mode.BALANCE_EMPTY) _returnBytes(0, 0);
        return super.balanceOf(holder);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (mode == Mode.RETURNS_FALSE) return false;
        if (mode == Mode.LIES) return true;
        if (mode == Mode.REVERT_BOMB) _bomb(false);
        if (mode == Mode.BURNS_GAS) _burnGas(0);
        if (mode == Mode.REVERTS_WITH) LowLevelCall.bubbleRevert(payload);
        if (mode == Mode.SLOW) _spendGas(300_000);
        if (mode == Mode.REENTERS || mode == Mode.REENTERS_QUIETLY) _reenter();
        _spendAllowance(from, _msgSender(), amount);
        _transfer(from, to, amount);
        if (mode == Mode.TAKES_FEE) _burn(to, amount / 100);
        if (mode == Mode.OVERPAYS) _mint(to, 1);
        if (mode == Mode.BALANCE_DROPS) _burn(to, balanceOf(to));
        if (mode == Mode.RETURNS_NOTHING) _returnBytes(0, 0);
        if (mode == Mode.RETURNS_TWO) _returnBytes(2, 32);
        if (mode == Mode.RETURNS_ONE_BYTE) _returnBytes(type(uint256).max, 1);
        if (mode == Mode.RETURN_BOMB) _bomb(true);
        return true;
    }

    function _reenter() private {
        ++reentries;
        bool success = LowLevelCall.callNoReturn(target, payload);
        if (success) reentrySucceeded = true;
        if (!success && mode == Mode.REENTERS) LowLevelCall.bubbleRevert();
    }

    function _burnGas(uint256 kept) private view {
        uint256 word = gasleft();
        while (gasleft() > kept) word = uint256(keccak256(abi.encodePacked(word)));
    }

    function _spendGas(uint256 amount) private view {
        uint256 left = gasleft();
        _burnGas(left > amount ? left - amount : 0);
    }

    function _returnBytes(uint256 word, uint256 size) private pure {
        assembly {
            mstore(0x00, word)
            return(0x00, size)
        }
    }

    function _bomb(bool asReturn) private pure {
        assembly {
            let memory_ := mload(0x40)
            mstore(memory_, 1)
            if asReturn {
                return(memory_, BOMB)
            }
            revert(memory_, BOMB)
        }
    }
}
