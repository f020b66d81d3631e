// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ModelNFT} from "../../../../contracts/ModelNFT.sol";
import {ModelRegistry} from "../../../../contracts/ModelRegistry.sol";
import {
    AliasMove,
    Cid,
    DAG_PB_CODEC,
    Kind,
    Parent,
    Publication,
    Relation,
    RevocationReason,
    Status
} from "../../../../contracts/types/Model.sol";
import {RegistryGhost} from "./RegistryGhost.sol";

/// @notice Everything that anybody can do, always in a way that has to succeed (`fail_on_revert` says
/// when it does not), but for `intrude`, every part of which has to fail.
contract RegistryHandler is RegistryGhost {
    ModelRegistry private immutable _REGISTRY;
    ModelNFT private immutable _NFT;

    mapping(address actor => uint256) private _keys;
    mapping(bytes4 action => uint256) public calls; // those that came to their end

    constructor(ModelRegistry registry) {
        _REGISTRY = registry;
        _NFT = ModelNFT(address(registry.nft()));
        string[4] memory names = ["alice", "bob", "carol", "dave"];
        for (uint256 i; i < names.length; ++i) {
            (address account, uint256 key) = makeAddrAndKey(names[i]);
            _actors.push(account);
            _keys[account] = key;
        }
    }

    function actions() external pure returns (bytes4[] memory all) {
        all = new bytes4[](13);
        (all[0], all[1], all[2]) =
        (this.register.selector, this.publish.selector, this.publishBySig.selector);
        (all[3], all[4], all[5]) =
        (this.setPublisher.selector, this.setAlias.selector, this.setAliasGate.selector);
        (all[6], all[7], all[8]) =
        (this.askThePast.selector, this.deprecate.selector, this.revoke.selector);
        (all[9], all[10], all[11]) =
        (this.transfer.selector, this.pass.selector, this.intrude.selector);
        all[12] = this.skipNonce.selector;
    }

    /// @notice Each action once, in an order in which each can be done.
    function exercise() external {
        for (uint256 i; i < 2; ++i) {
            this.register(i, i);
            this.publish(i, i, type(uint256).max);
            this.publishBySig(i, i, type(uint256).max);
            this.skipNonce(i, i);
            this.setPublisher(i, i + 1, 10);
            this.setAlias(i, i, i);
            this.pass(9);
            this.askThePast(i, i, i);
            this.setAliasGate(i, i, 3);
            this.deprecate(i, i);
            this.revoke(i, i, i);
            this.transfer(i, i + 2);
            this.intrude(i, i);
        }
    }

    /*//////////////////////////////////////////////////////////////
                                ACTIONS
    //////////////////////////////////////////////////////////////*/

    function register(uint256 who, uint256 parentSeed) external {
        Cid memory root = newRoot();
        Parent[] memory parents = someParents(parentSeed);
        address creator = actor(who);
        vm.prank(creator);
        _REGISTRY.register(vm.toString(_models), Kind.Model, root, parents);

        ++_models;
        setOwner(_models, creator);
        addVersion(_models, creator, root, parents);
        ++calls[msg.sig];
    }

    function publish(uint256 modelSeed, uint256 who, uint256 parentSeed) external {
        if (_models == 0) return;
        uint64 modelId = model(modelSeed);
        Cid memory root = newRoot();
        Parent[] memory parents = someParents(parentSeed);
        address publisher = somePublisher(modelId, who);
        vm.prank(publisher);
        _REGISTRY.publish(modelId, root, parents);

        addVersion(modelId, publisher, root, parents);
        ++calls[msg.sig];
    }

    function publishBySig(uint256 modelSeed, uint256 who, uint256 parentSeed) external {
        if (_models == 0) return;
        Publication memory publication =
            Publication(model(modelSeed), newRoot(), someParents(parentSeed));
        address publisher = somePublisher(publication.modelId, who);
        bytes memory signature = sign(publication, publisher);
        vm.prank(actor(who >> 8));
        _REGISTRY.publishBySig(publication, publisher, block.timestamp, signature);

        addVersion(publication.modelId, publisher, publication.root, publication.parents);
        ++calls[msg.sig];
    }

    /// @dev What was signed before cannot be sent after it, and what is signed then can.
    function skipNonce(uint256 modelSeed, uint256 who) external {
        if (_models == 0) return;
        Publication memory publication = Publication(model(modelSeed), newRoot(), new Parent[](0));
        address publisher = somePublisher(publication.modelId, who);
        bytes memory signature = sign(publication, publisher);
        uint256 nonce = _REGISTRY.nonces(publisher);
        vm.prank(publisher);
        _REGISTRY.skipNonce(nonce);

        assertEq(_REGISTRY.nonces(publisher), nonce + 1, "nonce");
        bytes memory call = abi.encodeCall(
            _REGISTRY.publishBySig, (publication, publisher, block.timestamp, signature)
        );
        fails(actor(who >> 8), call);
        ++calls[msg.sig];
    }

    function setPublisher(uint256 modelSeed, uint256 who, uint256 duration) external {
        if (_models == 0) return;
        uint64 modelId = model(modelSeed);
        uint64 expiry = duration % 4 == 0 ? 0 : uint64(block.timestamp + bound(duration, 1, 1 days));
        vm.prank(_owner[modelId]);
        _REGISTRY.setPublisher(modelId, actor(who), expiry);

        _expiry[modelId][actor(who)] = expiry;
        ++calls[msg.sig];
    }

    function setAlias(uint256 modelSeed, uint256 labelSeed, uint256 versionSeed) external {
        if (_models == 0) return;
        (uint64 modelId, bytes32 label) = (model(modelSeed), _labels[labelSeed % 2]);
        uint256 count = _versionsOf[modelId].length + 1; // 0 stands for "none"
        for (uint256 i; i < count; ++i) {
            uint32 target = uint32((versionSeed % count + i) % count);
            if (target == pointsTo(modelId, label) || isRevoked(modelId, target)) continue;
            vm.prank(controllerOf(modelId, label));
            _REGISTRY.setAlias(modelId, label, target);

            _moves[modelId][label].push(AliasMove(target, uint64(block.timestamp)));
            ++calls[msg.sig];
            return;
        }
    }

    /// @dev The gate is an actor, or nobody.
    function setAliasGate(uint256 modelSeed, uint256 labelSeed, uint256 who) external {
        if (_models == 0) return;
        (uint64 modelId, bytes32 label) = (model(modelSeed), _labels[labelSeed % 2]);
        address gate = who % 2 == 0 ? address(0) : actor(who / 2);
        vm.prank(controllerOf(modelId, label));
        _REGISTRY.setAliasGate(modelId, label, gate);

        _gate[modelId][label] = gate;
        ++calls[msg.sig];
    }

    /// @dev Writes down what the registry says about the past, to be asked again later.
    function askThePast(uint256 modelSeed, uint256 labelSeed, uint256 time) external {
        if (_models == 0) return;
        (uint64 modelId, bytes32 label) = (model(modelSeed), _labels[labelSeed % 2]);
        uint64 then = uint64(bound(time, block.timestamp - 1 days, block.timestamp - 1));
        uint32 version = _REGISTRY.aliasAt(modelId, label, then);
        _answers.push(Answer(modelId, label, then, version));
        ++calls[msg.sig];
    }

    function deprecate(uint256 versionSeed, uint256 who) external {
        for (uint256 i; i < _versions.length; ++i) {
            GhostVersion storage found =
                _versions[(versionSeed % _versions.length + i) % _versions.length];
            if (found.status != Status.Published) continue;
            vm.prank(somePublisher(found.modelId, who));
            _REGISTRY.deprecate(found.modelId, found.number);

            found.status = Status.Deprecated;
            ++calls[msg.sig];
            return;
        }
    }

    function revoke(uint256 versionSeed, uint256, uint256 reasonSeed) external {
        for (uint256 i; i < _versions.length; ++i) {
            uint256 index = (versionSeed % _versions.length + i) % _versions.length;
            GhostVersion storage found = _versions[index];
            if (found.status == Status.Revoked) continue;
            RevocationReason reason = RevocationReason(reasonSeed % 7);
            vm.prank(_owner[found.modelId]);
            _REGISTRY.revoke(found.modelId, found.number, reason);

            (found.status, found.reason) = (Status.Revoked, reason);
            _revoked |= 1 << index;
            ++calls[msg.sig];
            return;
        }
    }

    function transfer(uint256 modelSeed, uint256 who) external {
        if (_models == 0) return;
        uint64 modelId = model(modelSeed);
        address owner = _owner[modelId];
        vm.prank(owner);
        _NFT.transferFrom(owner, actor(who), modelId);

        setOwner(modelId, actor(who));
        ++calls[msg.sig];
    }

    /// @dev Also no time at all, so that things happen in one second.
    function pass(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 0, 2 hours));
        ++calls[msg.sig];
    }

    /// @dev Whatever an actor has no right to, it tries.
    function intrude(uint256 modelSeed, uint256 who) external {
        if (_models == 0) return;
        (uint64 modelId, address intruder) = (model(modelSeed), actor(who));
        bytes32 label = _labels[who % 2];
        uint32 other = pointsTo(modelId, label) == 1 ? 0 : 1;
        if (controllerOf(modelId, label) != intruder) {
            fails(intruder, abi.encodeCall(_REGISTRY.setAlias, (modelId, label, other)));
            fails(intruder, abi.encodeCall(_REGISTRY.setAliasGate, (modelId, label, intruder)));
        }
        if (_owner[modelId] != intruder) {
            uint64 forever = type(uint64).max;
            fails(intruder, abi.encodeCall(_REGISTRY.setPublisher, (modelId, intruder, forever)));
            fails(
                intruder,
                abi.encodeCall(_REGISTRY.revoke, (modelId, 1, RevocationReason.Unspecified))
            );
            fails(
                intruder,
                address(_NFT),
                abi.encodeCall(_NFT.transferFrom, (_owner[modelId], intruder, modelId))
            );
            fails(intruder, address(_NFT), abi.encodeCall(_NFT.setRoyalty, (modelId, intruder, 1)));
        }
        if (!mayPublish(modelId, intruder)) {
            Parent[] memory none = new Parent[](0);
            fails(intruder, abi.encodeCall(_REGISTRY.publish, (modelId, newRoot(), none)));
            fails(intruder, abi.encodeCall(_REGISTRY.deprecate, (modelId, 1)));
        }
        ++calls[msg.sig];
    }

    /*//////////////////////////////////////////////////////////////
                                CHOICES
    //////////////////////////////////////////////////////////////*/

    function actor(uint256 seed) internal view returns (address) {
        return _actors[seed % _actors.length];
    }

    function model(uint256 seed) internal view returns (uint64) {
        return uint64(seed % _models) + 1;
    }

    function newRoot() internal view returns (Cid memory) {
        return Cid(keccak256(abi.encode(_versions.length)), DAG_PB_CODEC);
    }

    function controllerOf(uint64 modelId, bytes32 label) internal view returns (address) {
        address gate = _gate[modelId][label];
        return gate == address(0) ? _owner[modelId] : gate;
    }

    function isRevoked(uint64 modelId, uint32 number) internal view returns (bool) {
        return number != 0 && _versions[_versionsOf[modelId][number - 1]].status == Status.Revoked;
    }

    /// @dev An actor with the right to publish, the owner if need be.
    function somePublisher(uint64 modelId, uint256 seed) internal view returns (address) {
        for (uint256 i; i < _actors.length; ++i) {
            address candidate = actor(seed % _actors.length + i);
            if (mayPublish(modelId, candidate)) return candidate;
        }
        revert("an owner may publish");
    }

    /// @dev A set of up to 16 versions in ascending order; bit i of the seed chooses the i-th.
    function someParents(uint256 seed) internal view returns (Parent[] memory parents) {
        parents = new Parent[](16);
        uint256 count;
        for (uint64 id = 1; id <= _models; ++id) {
            for (uint256 i; i < _versionsOf[id].length && count < 16; ++i) {
                if (seed >> _versionsOf[id][i] & 1 == 0) continue;
                parents[count++] = Parent(id, uint32(i + 1), Relation(seed >> 8 & 7));
            }
        }
        assembly ("memory-safe") {
            mstore(parents, count)
        }
    }

    /*//////////////////////////////////////////////////////////////
                                 CALLS
    //////////////////////////////////////////////////////////////*/

    function fails(address who, bytes memory call) internal {
        fails(who, address(_REGISTRY), call);
    }

    function fails(address who, address target, bytes memory call) internal {
        vm.prank(who);
        (bool success,) = target.call(call);
        assertFalse(success, "an intruder succeeded");
    }

    function sign(Publication memory publication, address publisher)
        internal
        view
        returns (bytes memory)
    {
        bytes32[] memory parents = new bytes32[](publication.parents.length);
        for (uint256 i; i < parents.length; ++i) {
            parents[i] = vm.eip712HashStruct(PARENT, abi.encode(publication.parents[i]));
        }
        bytes memory head = abi.encode(
            keccak256(bytes(string.concat(PUBLISH, CID, PARENT))),
            publication.modelId,
            vm.eip712HashStruct(CID, abi.encode(publication.root)),
            keccak256(abi.encodePacked(parents)),
            publisher
        );
        bytes32 message = keccak256(
            abi.encodePacked(head, abi.encode(_REGISTRY.nonces(publisher), block.timestamp))
        );
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(bytes(DOMAIN)),
                keccak256("Anacostia ModelRegistry"),
                keccak256("1"),
                block.chainid,
                _REGISTRY
            )
        );
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(_keys[publisher], keccak256(abi.encodePacked("\x19\x01", domain, message)));
        return abi.encodePacked(r, s, v);
    }

    string private constant DOMAIN =
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
    string private constant CID = "Cid(bytes32 digest,uint8 codec)";
    string private constant PARENT = "Parent(uint64 modelId,uint32 version,uint8 relation)";
    string private constant PUBLISH =
        "Publish(uint64 modelId,Cid root,Parent[] parents,address publisher,uint256 nonce,uint256 deadline)";
}
