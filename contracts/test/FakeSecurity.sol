// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice TEST ONLY. Looks like an ERC-3643 token whose agent is the attacker: it answers `identityRegistry` and
/// `isAgent`, which is all that T-REX's DVDTransferManager asks before it lets an "agent" execute a transfer.
contract FakeSecurity is ERC20 {
    address private immutable ATTACKER;

    constructor(address attacker) ERC20("Worthless", "FAKE") {
        ATTACKER = attacker;
        _mint(attacker, 1_000_000);
    }

    function identityRegistry() external view returns (address) {
        return address(this);
    }

    function isAgent(address account) external view returns (bool) {
        return account == ATTACKER;
    }

    function owner() external view returns (address) {
        return ATTACKER;
    }

    function isVerified(address) external pure returns (bool) {
        return true;
    }
}
