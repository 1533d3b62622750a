// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @title Multicall
/// @notice Many questions in one call, all answered at one block: `aggregate3` as Multicall3 speaks it, for chains that
/// do not have Multicall3.
/// @dev It asks by STATICCALL, so it can change nothing, whoever calls it.
contract Multicall {
    struct Call3 {
        address target;
        bool allowFailure;
        bytes callData;
    }

    struct Result {
        bool success;
        bytes returnData;
    }

    /// @notice A call failed that was not allowed to.
    error CallFailed(uint256 index);

    /// @notice Makes the calls in order. An address without code answers with success and nothing.
    /// @return results One for each call, in order.
    function aggregate3(Call3[] calldata calls) external view returns (Result[] memory results) {
        uint256 count = calls.length;
        results = new Result[](count);
        for (uint256 i = 0; i < count; ++i) {
            Call3 calldata each = calls[i];
            // slither-disable-next-line calls-loop,low-level-calls
            (bool success, bytes memory returned) = each.target.staticcall(each.callData);
            if (!success && !each.allowFailure) revert CallFailed(i);
            results[i] = Result(success, returned);
        }
    }
}
