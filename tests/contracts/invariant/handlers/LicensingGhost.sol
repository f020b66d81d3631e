// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @notice The plain model that licensing is compared with. It knows what was done, and from that alone
/// what everybody is owed: it divides a model's whole revenue anew each time, with the schoolbook's
/// arithmetic, and never asks a contract.
contract LicensingGhost {
    /// @param share In basis points.
    struct GhostParent {
        uint64 modelId;
        uint256 share;
    }

    /// @param earned All that came in.
    /// @param divided How much of it was settled.
    /// @param kept What the owner got of that.
    /// @param passed What each parent got of that.
    struct GhostAccount {
        uint64 modelId;
        address owner;
        address asset;
        uint256 earned;
        uint256 divided;
        uint256 kept;
        uint256[8] passed;
    }

    struct GhostLicense {
        uint256 id;
        uint64 modelId;
        address holder;
        uint64 expiresAt;
        bool bound;
        bool gone;
    }

    uint64 public models;
    mapping(uint64 => address) public owner;
    mapping(uint64 => bool) public isOffered;
    mapping(uint64 => bool) public isDerived;
    mapping(uint64 => uint16) public royaltyOf;
    mapping(uint64 => uint32) public durationOf;
    mapping(uint64 => address) public assetOf;
    mapping(uint64 => GhostParent[]) internal _parents;

    GhostAccount[] internal _accounts;
    mapping(bytes32 => uint256) internal _accountAt; // index + 1

    GhostLicense[] internal _licenses;
    mapping(uint256 => uint256) internal _licenseAt; // index + 1
    mapping(uint64 => uint256) internal _sold;

    mapping(address account => mapping(address asset => uint256)) public owed;
    mapping(address account => mapping(address asset => uint256)) public owedByMarket;
    mapping(address asset => uint256) public moneyIn;
    mapping(address asset => uint256) public moneyOut;

    function parents(uint64 modelId) external view returns (GhostParent[] memory) {
        return _parents[modelId];
    }

    function accounts() external view returns (GhostAccount[] memory) {
        return _accounts;
    }

    function licenses() external view returns (GhostLicense[] memory) {
        return _licenses;
    }

    /*//////////////////////////////////////////////////////////////
                                 MONEY
    //////////////////////////////////////////////////////////////*/

    function ghostEarn(uint64 modelId, address asset, uint256 amount) internal {
        if (amount != 0) accountOf(modelId, owner[modelId], asset).earned += amount;
    }

    function ghostSettle(uint64 modelId, address who, address asset) internal {
        GhostAccount storage found = accountOf(modelId, who, asset);
        GhostParent[] storage above = _parents[modelId];
        uint256 all;
        for (uint256 i; i < above.length; ++i) {
            all += above[i].share;
        }
        (uint256 total, uint256 kept) = (found.earned, found.earned * (10_000 - all) / 10_000);
        owed[who][asset] += kept - found.kept;
        (found.divided, found.kept) = (total, kept);
        for (uint256 i; i < above.length && all != 0; ++i) {
            uint256 due = (total - kept) * above[i].share / all;
            uint256 before = accountOf(modelId, who, asset).passed[i];
            accountOf(modelId, who, asset).passed[i] = due;
            ghostEarn(above[i].modelId, asset, due - before);
        }
    }

    function accountOf(uint64 modelId, address who, address asset)
        internal
        returns (GhostAccount storage)
    {
        bytes32 key = keccak256(abi.encode(modelId, who, asset));
        if (_accountAt[key] == 0) {
            GhostAccount storage made = _accounts.push();
            (made.modelId, made.owner, made.asset) = (modelId, who, asset);
            _accountAt[key] = _accounts.length;
        }
        return _accounts[_accountAt[key] - 1];
    }

    /*//////////////////////////////////////////////////////////////
                                LICENCES
    //////////////////////////////////////////////////////////////*/

    /// @dev The id that a sale has to give.
    function ghostSell(uint64 modelId, address to, uint32 quantity) internal returns (uint256 id) {
        uint32 duration = durationOf[modelId];
        uint256 serial = _sold[modelId] + 1;
        _sold[modelId] += quantity;
        id = (uint256(modelId) << 96) | (uint256(1) << 64) | serial;
        if (duration == 0) {
            for (uint256 i; i < quantity; ++i) {
                addLicense(id + i, modelId, to, 0);
            }
            return id;
        }
        for (uint256 i; i < _licenses.length; ++i) {
            GhostLicense storage held = _licenses[i];
            if (held.modelId != modelId || held.holder != to || held.gone) continue;
            uint256 from = held.expiresAt > block.timestamp ? held.expiresAt : block.timestamp;
            held.expiresAt = uint64(from + uint256(duration) * quantity);
            return held.id;
        }
        addLicense(id, modelId, to, uint64(block.timestamp + uint256(duration) * quantity));
    }

    function addLicense(uint256 id, uint64 modelId, address to, uint64 expiresAt) private {
        _licenses.push(GhostLicense(id, modelId, to, expiresAt, false, false));
        _licenseAt[id] = _licenses.length;
    }

    function licenseWith(uint256 id) internal view returns (GhostLicense storage) {
        return _licenses[_licenseAt[id] - 1];
    }

    /// @dev Whether somebody is entitled, by looking at every licence that was ever sold.
    function mayUse(address who, uint64 modelId) public view returns (bool) {
        if (owner[modelId] == who) return true;
        for (uint256 i; i < _licenses.length; ++i) {
            GhostLicense storage held = _licenses[i];
            if (held.modelId != modelId || held.holder != who || held.gone) continue;
            if (held.expiresAt == 0 || block.timestamp < held.expiresAt) return true;
        }
        return false;
    }

    function holdsOne(address who, uint64 modelId) internal view returns (bool) {
        for (uint256 i; i < _licenses.length; ++i) {
            GhostLicense storage held = _licenses[i];
            if (held.modelId == modelId && held.holder == who && !held.gone) return true;
        }
        return false;
    }
}
