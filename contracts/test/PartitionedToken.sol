// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @notice TEST ONLY. The part of an ERC-1400 token that readers see. How it tells a movement is chosen when it is made:
/// by Transfer as well as by the events of partitions, or by those alone; `talkative` also says a Transfer where units
/// only change partition within one holder, as if they were made once more.
contract PartitionedToken {
    string public constant name = "Partitioned";
    string public constant symbol = "PART";
    uint8 public constant decimals = 0;
    uint256 public totalSupply;
    mapping(address holder => uint256) public balanceOf;
    mapping(bytes32 partition => mapping(address holder => uint256)) private _inPartition;
    bool private immutable TRANSFERS;
    bool private immutable TALKATIVE;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event TransferByPartition(
        bytes32 indexed fromPartition, address operator, address indexed from, address indexed to, uint256 value, bytes data, bytes operatorData
    );
    event IssuedByPartition(bytes32 indexed partition, address indexed to, uint256 value, bytes data);
    event RedeemedByPartition(bytes32 indexed partition, address indexed operator, address indexed from, uint256 value, bytes operatorData);
    event ChangedPartition(bytes32 indexed fromPartition, bytes32 indexed toPartition, uint256 value);

    constructor(bool transfers, bool talkative) {
        (TRANSFERS, TALKATIVE) = (transfers, talkative);
    }

    function balanceOfByPartition(bytes32 partition, address holder) external view returns (uint256) {
        return _inPartition[partition][holder];
    }

    function issueByPartition(bytes32 partition, address to, uint256 value) external {
        totalSupply += value;
        balanceOf[to] += value;
        _inPartition[partition][to] += value;
        emit IssuedByPartition(partition, to, value, "");
        if (TRANSFERS) emit Transfer(address(0), to, value);
    }

    function operatorTransferByPartition(bytes32 partition, address from, address to, uint256 value) external {
        balanceOf[from] -= value;
        _inPartition[partition][from] -= value;
        balanceOf[to] += value;
        _inPartition[partition][to] += value;
        emit TransferByPartition(partition, msg.sender, from, to, value, "", "");
        if (TRANSFERS) emit Transfer(from, to, value);
    }

    function operatorRedeemByPartition(bytes32 partition, address from, uint256 value) external {
        totalSupply -= value;
        balanceOf[from] -= value;
        _inPartition[partition][from] -= value;
        emit RedeemedByPartition(partition, msg.sender, from, value, "");
        if (TRANSFERS) emit Transfer(from, address(0), value);
    }

    function changePartition(bytes32 from, bytes32 to, address holder, uint256 value) external {
        _inPartition[from][holder] -= value;
        _inPartition[to][holder] += value;
        emit ChangedPartition(from, to, value);
        if (TALKATIVE) emit Transfer(address(0), holder, value);
    }

    /// @dev Units that no event tells of.
    function makeSilently(address to, uint256 value) external {
        totalSupply += value;
        balanceOf[to] += value;
    }
}
