// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

import {ModelRegistry} from "../../../contracts/ModelRegistry.sol";
import {IModelRegistry} from "../../../contracts/interfaces/IModelRegistry.sol";
import {Parent, Publication, Relation} from "../../../contracts/types/Model.sol";
import {BaseTest} from "../Base.t.sol";
import {ReentrantWallet, RudeWallet, Wallet} from "../mocks/Wallets.sol";

/// @notice Publishing by signature. The digests that are signed here are not made by our code: Foundry
/// hashes the JSON that a wallet would be given.
contract ModelRegistryPublishBySigTest is BaseTest {
    /// @dev secp256k1's order: (r, s, v) and (r, order - s, the other v) sign the same.
    uint256 internal constant ORDER =
        0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    uint64 internal constant DEADLINE = START + 60;

    address internal signer;
    uint256 internal key;
    uint64 internal base;
    uint64 internal model;

    function setUp() public override {
        super.setUp();
        (signer, key) = makeAddrAndKey("signer");
        base = registerAs(bob, "base");
        model = registerAs(alice, NAME);
        vm.prank(alice);
        registry.setPublisher(model, signer, type(uint64).max);
    }

    function test_publishBySig_recordsTheSignerAsThePublisher() public {
        Publication memory publication = example();
        vm.expectEmit(address(registry));
        emit IModelRegistry.VersionPublished(model, 2, publication.root.digest, 0x70, signer);
        assertEq(send(publication, signer, sign(publication, signer, 0)), 2, "version");
        assertEq(registry.versionOf(model, 2).publisher, signer, "publisher");
        assertEq(registry.parentsOf(model, 2), publication.parents, "parents");
        assertEq(registry.nonces(signer), 1, "nonce");

        // The next nonce signs the next publication, here without parents and by the owner.
        publication.parents = none();
        (alice, key) = makeAddrAndKey("alice");
        send(publication, alice, sign(publication, alice, 0));
        send(publication, alice, sign(publication, alice, 1));
        assertEq(registry.nonces(alice), 2, "owner's nonce");
    }

    function test_publishBySig_isValidUntilItsDeadline() public {
        bytes memory signature = sign(example(), signer, 0);
        vm.warp(DEADLINE);
        send(example(), signer, signature);
    }

    function test_publishBySig_revertsWhenTheDeadlineHasPassed() public {
        bytes memory signature = sign(example(), signer, 0);
        vm.warp(DEADLINE + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.ModelRegistry_DeadlinePassed.selector, DEADLINE)
        );
        send(example(), signer, signature);
    }

    function test_publishBySig_revertsWhenReplayed() public {
        bytes memory signature = sign(example(), signer, 0);
        send(example(), signer, signature);
        expectInvalid(example(), signer, signature);
    }

    function test_skipNonce_takesASignatureBack() public {
        bytes memory unwanted = sign(example(), signer, 0);
        bytes memory wanted = sign(example(), signer, 1);
        expectInvalid(example(), signer, wanted);

        vm.expectEmit(address(registry));
        emit IModelRegistry.NonceSkipped(signer, 0);
        vm.prank(signer);
        registry.skipNonce(0);
        assertEq(registry.nonces(signer), 1, "nonce");
        assertEq(registry.nonces(alice), 0, "nobody else's");
        expectInvalid(example(), signer, unwanted);
        send(example(), signer, wanted);
        expectInvalid(example(), signer, unwanted);
    }

    function test_skipNonce_revertsUnlessItIsTheNext() public {
        bytes memory wanted = sign(example(), signer, 1);
        send(example(), signer, sign(example(), signer, 0)); // somebody is quicker
        uint256[2] memory others = [uint256(0), 2];
        for (uint256 i; i < others.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(
                    IModelRegistry.ModelRegistry_NotNextNonce.selector, others[i], 1
                )
            );
            vm.prank(signer);
            registry.skipNonce(others[i]);
        }
        send(example(), signer, wanted);
    }

    function test_publishBySig_revertsOnAnotherChain() public {
        bytes memory signature = sign(example(), signer, 0);
        vm.chainId(block.chainid + 1);
        expectInvalid(example(), signer, signature);
    }

    function test_publishBySig_revertsOnAnotherRegistry() public {
        bytes memory signature = sign(example(), signer, 0);
        registry = new ModelRegistry();
        registerAs(bob, "base");
        registerAs(alice, NAME);
        vm.prank(alice);
        registry.setPublisher(model, signer, type(uint64).max);
        expectInvalid(example(), signer, signature);
    }

    function test_publishBySig_revertsWhenAnyValueDiffers() public {
        bytes memory signature = sign(example(), signer, 0);
        Publication memory other = example();
        other.modelId = base;
        expectInvalid(other, signer, signature);
        other = example();
        other.root.digest = cid(6).digest;
        expectInvalid(other, signer, signature);
        other = example();
        other.root.codec = 0x55;
        expectInvalid(other, signer, signature);
        other = example();
        other.parents = none();
        expectInvalid(other, signer, signature);
        other = example();
        other.parents[0].relation = Relation.Adapter;
        expectInvalid(other, signer, signature);
        other = example();
        (other.parents[0], other.parents[1]) = (other.parents[1], other.parents[0]);
        expectInvalid(other, signer, signature);
        expectInvalid(example(), alice, signature);
        expectInvalid(example(), address(0), signature);

        vm.expectRevert(invalid(signer));
        registry.publishBySig(example(), signer, DEADLINE + 1, signature);
        send(example(), signer, signature);
    }

    function test_publishBySig_revertsWhenTheSignatureIsMalleated() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digestOf(example(), signer, 0));
        bytes memory twin = abi.encodePacked(r, ORDER - uint256(s), v == 27 ? uint8(28) : 27);
        expectInvalid(example(), signer, twin);

        (bytes32 compactR, bytes32 vs) = vm.signCompact(key, digestOf(example(), signer, 0));
        expectInvalid(example(), signer, abi.encodePacked(compactR, vs));
        expectInvalid(example(), signer, "");
        expectInvalid(example(), signer, abi.encodePacked(r, s, v, uint8(0)));
    }

    function test_publishBySig_revertsWhenTheSignerMayNotPublishAnyMore() public {
        bytes memory signature = sign(example(), signer, 0);
        transfer(alice, bob, model);
        expectNotPublisher(signature);
        transfer(bob, alice, model);
        expectNotPublisher(signature);
        assertEq(registry.nonces(signer), 0, "a failed publication uses no nonce");
    }

    /*//////////////////////////////////////////////////////////////
                             SMART ACCOUNTS
    //////////////////////////////////////////////////////////////*/

    function test_publishBySig_asksASmartAccount() public {
        Wallet wallet = new Wallet(signer);
        Publication memory publication = example();
        publication.modelId = wallet.register(registry, "wallet", cid(1));
        send(publication, address(wallet), sign(publication, address(wallet), 0));
        assertEq(registry.versionOf(publication.modelId, 2).publisher, address(wallet));

        // The signature holds for the wallet alone, not for whoever holds its key.
        bytes memory signature = sign(publication, address(wallet), 1);
        expectInvalid(publication, signer, signature);
    }

    function test_publishBySig_revertsWhenASmartAccountRefuses() public {
        RudeWallet wallet = new RudeWallet();
        vm.prank(alice);
        registry.setPublisher(model, address(wallet), type(uint64).max);
        expectInvalid(example(), address(wallet), ""); // reverts
        wallet.answerWith(abi.encode(bytes32(uint256(1)))); // says "true", which is no magic value
        expectInvalid(example(), address(wallet), "");
        wallet.answerWith(abi.encodePacked(IERC1271.isValidSignature.selector)); // too short
        expectInvalid(example(), address(wallet), "");
        wallet.answerWith(abi.encode(IERC1271.isValidSignature.selector));
        send(example(), address(wallet), "");
    }

    function test_publishBySig_revertsWhenASmartAccountReenters() public {
        ReentrantWallet wallet = new ReentrantWallet(registry);
        uint64 own = wallet.register(registry, "wallet", cid(1));
        Publication memory publication = example();
        publication.modelId = own;
        send(publication, address(wallet), "");

        wallet.reenterWith(abi.encodeCall(registry.publish, (own, cid(2), none())));
        expectInvalid(publication, address(wallet), "");
        bytes memory same = abi.encodeCall(
            registry.publishBySig, (publication, address(wallet), DEADLINE, bytes(""))
        );
        wallet.reenterWith(same);
        expectInvalid(publication, address(wallet), "");
        assertEq(registry.modelOf(own).latestVersion, 2, "nothing more was published");
        assertEq(registry.nonces(address(wallet)), 1, "nor a nonce used");
    }

    function test_eip712Domain() public view {
        (bytes1 fields, string memory name, string memory version,, address verifyingContract,,) =
            registry.eip712Domain();
        assertEq(fields, bytes1(0x0f), "fields: all but a salt");
        assertEq(name, "Anacostia ModelRegistry", "name");
        assertEq(version, "1", "version");
        assertEq(verifyingContract, address(registry), "verifyingContract");
    }

    function example() internal view returns (Publication memory) {
        return Publication({modelId: model, root: cid(5), parents: two(base, 1, model, 1)});
    }

    function send(Publication memory publication, address publisher, bytes memory signature)
        internal
        returns (uint32)
    {
        vm.prank(eve); // whoever pays for it
        return registry.publishBySig(publication, publisher, DEADLINE, signature);
    }

    function expectInvalid(
        Publication memory publication,
        address publisher,
        bytes memory signature
    ) internal {
        vm.expectRevert(invalid(publisher));
        send(publication, publisher, signature);
    }

    function expectNotPublisher(bytes memory signature) internal {
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelRegistry.ModelRegistry_NotPublisher.selector, model, signer
            )
        );
        send(example(), signer, signature);
    }

    function invalid(address publisher) internal pure returns (bytes memory) {
        return
            abi.encodeWithSelector(
                IModelRegistry.ModelRegistry_InvalidSignature.selector, publisher
            );
    }

    function sign(Publication memory publication, address publisher, uint256 nonce)
        internal
        view
        returns (bytes memory)
    {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digestOf(publication, publisher, nonce));
        return abi.encodePacked(r, s, v);
    }

    /// @dev What a wallet shows and signs.
    function digestOf(Publication memory publication, address publisher, uint256 nonce)
        internal
        view
        returns (bytes32)
    {
        string memory message = string.concat(
            string.concat('{"modelId":', vm.toString(publication.modelId)),
            string.concat(',"root":{"digest":"', vm.toString(publication.root.digest)),
            string.concat('","codec":', vm.toString(publication.root.codec)),
            string.concat('},"parents":[', json(publication.parents))
        );
        message = string.concat(
            message,
            string.concat('],"publisher":"', vm.toString(publisher)),
            string.concat('","nonce":', vm.toString(nonce)),
            string.concat(',"deadline":', vm.toString(uint256(DEADLINE)), "}")
        );
        return vm.eip712HashTypedData(
            string.concat(TYPES, '"primaryType":"Publish",', domain(), '"message":', message, "}")
        );
    }

    function json(Parent[] memory parents) internal pure returns (string memory all) {
        for (uint256 i; i < parents.length; ++i) {
            all = string.concat(
                string.concat(all, i == 0 ? "" : ","),
                string.concat('{"modelId":', vm.toString(parents[i].modelId)),
                string.concat(',"version":', vm.toString(parents[i].version)),
                string.concat(',"relation":', vm.toString(uint8(parents[i].relation)), "}")
            );
        }
    }

    function domain() internal view returns (string memory) {
        return string.concat(
            '"domain":{"name":"Anacostia ModelRegistry","version":"1","chainId":',
            vm.toString(block.chainid),
            ',"verifyingContract":"',
            vm.toString(address(registry)),
            '"},'
        );
    }

    string internal constant TYPES = '{"types":{"EIP712Domain":[{"name":"name","type":"string"},'
        '{"name":"version","type":"string"},{"name":"chainId","type":"uint256"},'
        '{"name":"verifyingContract","type":"address"}],"Cid":[{"name":"digest","type":"bytes32"},'
        '{"name":"codec","type":"uint8"}],"Parent":[{"name":"modelId","type":"uint64"},'
        '{"name":"version","type":"uint32"},{"name":"relation","type":"uint8"}],'
        '"Publish":[{"name":"modelId","type":"uint64"},{"name":"root","type":"Cid"},'
        '{"name":"parents","type":"Parent[]"},{"name":"publisher","type":"address"},'
        '{"name":"nonce","type":"uint256"},{"name":"deadline","type":"uint256"}]},';
}
