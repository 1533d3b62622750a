// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @notice TEST ONLY. A token behind an ERC-1967 proxy whose second code keeps balances in other slots.
abstract contract Unguarded {
    string public constant name = "Upgradeable";
    string public constant symbol = "UPG";
    uint8 public constant decimals = 0;

    event Transfer(address indexed from, address indexed to, uint256 value);
}

contract LayoutOne is Unguarded {
    mapping(address holder => uint256) public balanceOf;
    uint256 public totalSupply;

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
        totalSupply += value;
        emit Transfer(address(0), to, value);
    }
}

contract LayoutTwo is Unguarded {
    mapping(address holder => uint256) private _old;
    uint256 private _oldSupply;
    uint256[5] private _gap;
    uint256 public totalSupply;
    mapping(address holder => uint256) public balanceOf;

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
        totalSupply += value;
        emit Transfer(address(0), to, value);
    }

    /// @dev Carries a holder over from the slots of the first code.
    function carry(address holder) external {
        uint256 value = _old[holder];
        delete _old[holder];
        _oldSupply -= value;
        balanceOf[holder] += value;
        totalSupply += value;
    }
}

contract UpgradeableProxy {
    bytes32 private constant SLOT = 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;

    event Upgraded(address indexed implementation);

    constructor(address implementation) {
        upgradeTo(implementation);
    }

    function upgradeTo(address implementation) public {
        assembly {
            sstore(SLOT, implementation)
        }
        emit Upgraded(implementation);
    }

    fallback() external {
        assembly {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), sload(SLOT), 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if done { return(0, returndatasize()) }
            revert(0, returndatasize())
        }
    }
}

/// @notice TEST ONLY. Looks like an ERC-20 token to a hasty reader: every word it moves is the id of one unit.
contract Collectible {
    string public constant name = "Collectible";
    string public constant symbol = "ART";
    uint8 public constant decimals = 0;
    uint256 public totalSupply;
    mapping(address holder => uint256) public balanceOf;

    event Transfer(address indexed from, address indexed to, uint256 indexed tokenId);

    function mint(address to, uint256 tokenId) external {
        balanceOf[to] += 1;
        totalSupply += 1;
        emit Transfer(address(0), to, tokenId);
    }
}

contract HonestCollectible is Collectible {
    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == 0x80ac58cd || id == 0x01ffc9a7;
    }
}
