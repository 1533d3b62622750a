// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title PaymentToken
/// @notice Cash of a development chain: a plain ERC-20 with 6 decimals, minted by its minters.
/// @dev Production settles in a regulated stablecoin or tokenized deposit; this contract only stands in for it.
contract PaymentToken is ERC20, AccessControl {
    bytes32 public constant MINTER_ROLE = keccak256("MINTER_ROLE");

    /// @param name_ Display name, e.g. "Development US Dollar".
    /// @param symbol_ Ticker, e.g. "DUSD".
    /// @param admin Grants and revokes MINTER_ROLE; is not a minter itself.
    /// @param minter First holder of MINTER_ROLE.
    constructor(string memory name_, string memory symbol_, address admin, address minter) ERC20(name_, symbol_) {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(MINTER_ROLE, minter);
    }

    /// @notice Creates `amount` base units (10^-6) for `to`.
    function mint(address to, uint256 amount) external onlyRole(MINTER_ROLE) {
        _mint(to, amount);
    }

    /// @notice Destroys `amount` of the caller's own base units (cash paid out off chain).
    function burn(uint256 amount) external {
        _burn(msg.sender, amount);
    }

    /// @inheritdoc ERC20
    function decimals() public pure override returns (uint8) {
        return 6;
    }
}
