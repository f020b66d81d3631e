// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "forge-std/Test.sol";

import {LicenseToken} from "../../../../contracts/LicenseToken.sol";
import {ModelLicensing} from "../../../../contracts/ModelLicensing.sol";
import {ModelMarket} from "../../../../contracts/ModelMarket.sol";
import {IModelNFT} from "../../../../contracts/interfaces/IModelNFT.sol";
import {IModelRegistry} from "../../../../contracts/interfaces/IModelRegistry.sol";
import {
    ALL_FIELDS,
    ALL_RIGHTS,
    ParentLicense,
    Purchase,
    RevenueAccount,
    Terms
} from "../../../../contracts/types/License.sol";
import {Order} from "../../../../contracts/types/Market.sol";
import {Cid, DAG_PB_CODEC, Kind, Parent, Relation} from "../../../../contracts/types/Model.sol";
import {Permit, Price} from "../../../../contracts/types/Payment.sol";
import {GoodToken} from "../../mocks/Tokens.sol";
import {LicensingGhost} from "./LicensingGhost.sol";

/// @notice Everything that anybody may do with licences and money, in any order, and what may fail.
/// @dev Model i is offered once, under its only offer, in one of two assets.
contract LicensingHandler is LicensingGhost, Test {
    uint64 internal constant MOST = 12;

    ModelLicensing private immutable _LICENSING;
    ModelMarket private immutable _MARKET;
    LicenseToken private immutable _LICENCES;
    IModelRegistry private immutable _REGISTRY;
    IModelNFT private immutable _NFT;
    GoodToken private immutable _COIN;

    address[] private _actors;
    mapping(bytes4 => uint256) public calls;

    constructor(ModelLicensing licensing, ModelMarket market, GoodToken coin) {
        (_LICENSING, _MARKET, _COIN) = (licensing, market, coin);
        (_REGISTRY, _NFT) = (licensing.registry(), licensing.nft());
        _LICENCES = LicenseToken(address(licensing.licenseToken()));
        string[4] memory names = ["alice", "bob", "carol", "dave"];
        for (uint256 i; i < names.length; ++i) {
            address made = makeAddr(names[i]);
            _actors.push(made);
            vm.deal(made, type(uint128).max);
            coin.mint(made, type(uint128).max);
            vm.startPrank(made);
            coin.approve(address(licensing), type(uint256).max);
            coin.approve(address(market), type(uint256).max);
            _NFT.setApprovalForAll(address(market), true);
            vm.stopPrank();
        }
    }

    function actions() external pure returns (bytes4[] memory all) {
        all = new bytes4[](13);
        all[0] = this.register.selector;
        all[1] = this.offer.selector;
        all[2] = this.derive.selector;
        all[3] = this.buy.selector;
        all[4] = this.pay.selector;
        all[5] = this.settle.selector;
        all[6] = this.settleAll.selector;
        all[7] = this.claim.selector;
        all[8] = this.transferModel.selector;
        all[9] = this.sellModel.selector;
        all[10] = this.transferLicense.selector;
        all[11] = this.burn.selector;
        all[12] = this.pass.selector;
    }

    function actors() external view returns (address[] memory) {
        return _actors;
    }

    /// @dev One way through everything, so that no action can be one that never succeeds.
    function exercise() external {
        this.register(0);
        this.offer(models - 1, 1000, 0, 0);
        this.register(1);
        this.derive(models - 1, type(uint256).max);
        this.offer(models - 1, 500, 0, 1);
        this.buy(models - 1, 2, 1, 7);
        this.pay(models - 1, 3, 1, 12_345);
        this.settle(0);
        this.settleAll();
        this.claim(0);
        this.claim(1);
        this.claim(2);
        this.claim(3);
        this.transferModel(0, 1);
        this.sellModel(0, 1, 1, 1000);
        this.transferLicense(0, 1);
        this.burn(0);
        this.pass(1);
    }

    /*//////////////////////////////////////////////////////////////
                                 MODELS
    //////////////////////////////////////////////////////////////*/

    function register(uint256 who) external {
        if (models >= MOST) return;
        address creator = actor(who);
        Cid memory root = Cid(keccak256(abi.encode(models)), DAG_PB_CODEC);
        vm.prank(creator);
        uint64 id = _REGISTRY.register(vm.toString(models), Kind.Model, root, new Parent[](0));

        models = id;
        owner[id] = creator;
        ++calls[msg.sig];
    }

    function offer(uint256 modelSeed, uint16 royalty, uint32 duration, uint256 assetSeed) external {
        (uint64 id, bool found) = pick(modelSeed, false);
        if (!found) return;
        Terms memory terms;
        (terms.rights, terms.fields, terms.transferable) = (ALL_RIGHTS, ALL_FIELDS, true);
        terms.royaltyBps = royalty % 4000;
        terms.duration = duration % 3 == 0 ? 0 : duration % 3000;
        bytes32 termsId = _LICENSING.registerTerms(terms);
        address asset = someAsset(assetSeed);
        vm.prank(owner[id]);
        _LICENSING.offer(id, termsId, Price(asset, address(0), priceOf(id), false), 0);

        (isOffered[id], assetOf[id]) = (true, asset);
        (royaltyOf[id], durationOf[id]) = (terms.royaltyBps, terms.duration);
        ++calls[msg.sig];
    }

    /// @dev Buys a licence of each parent that bit i of the seed chooses, as long as shares fit.
    function derive(uint256 modelSeed, uint256 seed) external {
        (uint64 id, bool found) = pick(modelSeed, false);
        if (!found || isDerived[id]) return;
        ParentLicense[] memory above = new ParentLicense[](8);
        uint256 count;
        uint256 total;
        for (uint64 other = 1; other <= models && count < 8; ++other) {
            if (!isOffered[other] || other == id || seed >> other & 1 == 0) continue;
            if (total + royaltyOf[other] > 10_000 || isBound(owner[id], other)) continue;
            uint256 licenseId = buyOne(owner[id], other, owner[id], 1, 0);
            above[count++] = ParentLicense(licenseId, 1, Relation.Merge);
            total += royaltyOf[other];
        }
        if (count == 0) return;
        assembly ("memory-safe") {
            mstore(above, count)
        }
        vm.prank(owner[id]);
        _LICENSING.derive(id, above);

        isDerived[id] = true;
        for (uint256 i; i < count; ++i) {
            licenseWith(above[i].licenseId).bound = true;
            uint64 parentId = licenseWith(above[i].licenseId).modelId;
            _parents[id].push(GhostParent(parentId, royaltyOf[parentId]));
        }
        ++calls[msg.sig];
    }

    function transferModel(uint256 modelSeed, uint256 who) external {
        if (models == 0) return;
        uint64 id = uint64(modelSeed % models) + 1;
        address to = actor(who);
        vm.prank(owner[id]);
        _NFT.transferFrom(owner[id], to, id);

        moveModel(id, to);
        ++calls[msg.sig];
    }

    function sellModel(uint256 modelSeed, uint256 who, uint256 assetSeed, uint64 amount) external {
        if (models == 0) return;
        uint64 id = uint64(modelSeed % models) + 1;
        (address seller, address buyer, address asset) =
            (owner[id], actor(who), someAsset(assetSeed));
        uint128 price = uint128(amount) + 1;
        vm.prank(seller);
        _MARKET.list(
            id,
            Price(asset, address(0), price, false),
            uint64(block.timestamp + 1),
            new RevenueAccount[](0)
        );
        Permit memory none_;
        Order memory order = Order(id, asset, price, block.timestamp, buyer, _MARKET.stateOf(id));
        vm.prank(buyer);
        _MARKET.buy{value: asset == address(0) ? price : 0}(order, none_, new RevenueAccount[](0));

        owedByMarket[seller][asset] += price;
        moveModel(id, buyer);
        ++calls[msg.sig];
    }

    /*//////////////////////////////////////////////////////////////
                                LICENCES
    //////////////////////////////////////////////////////////////*/

    function buy(uint256 modelSeed, uint256 who, uint256 to, uint256 more) external {
        (uint64 id, bool found) = pick(modelSeed, true);
        if (!found) return;
        buyOne(actor(who), id, actor(to), uint32(more % 3) + 1, more % 1 ether);
        ++calls[msg.sig];
    }

    function transferLicense(uint256 seed, uint256 who) external {
        for (uint256 i; i < _licenses.length; ++i) {
            GhostLicense storage held = _licenses[(seed % _licenses.length + i) % _licenses.length];
            address to = actor(who);
            if (held.gone) continue;
            bool twice = held.expiresAt != 0 && to != held.holder && holdsOne(to, held.modelId);
            vm.prank(held.holder);
            if (held.bound || twice) vm.expectRevert();
            _LICENCES.transferFrom(held.holder, to, held.id);
            if (held.bound || twice) continue;

            held.holder = to;
            ++calls[msg.sig];
            return;
        }
    }

    function burn(uint256 seed) external {
        for (uint256 i; i < _licenses.length; ++i) {
            GhostLicense storage held = _licenses[(seed % _licenses.length + i) % _licenses.length];
            if (held.gone || held.bound) continue;
            vm.prank(held.holder);
            _LICENCES.burn(held.id);

            held.gone = true;
            ++calls[msg.sig];
            return;
        }
    }

    /*//////////////////////////////////////////////////////////////
                                 MONEY
    //////////////////////////////////////////////////////////////*/

    function pay(uint256 modelSeed, uint256 who, uint256 assetSeed, uint64 amount) external {
        (uint64 id, bool found) = pick(modelSeed, true);
        if (!found || amount == 0) return;
        address asset = someAsset(assetSeed);
        // Small amounts as well: rounding shows in them.
        amount = amount % 2 == 0 ? amount % 50 + 1 : amount;
        Permit memory none_;
        vm.prank(actor(who));
        _LICENSING.pay{value: asset == address(0) ? amount : 0}(id, asset, amount, none_);

        moneyIn[asset] += amount;
        ghostEarn(id, asset, amount);
        ++calls[msg.sig];
    }

    function settle(uint256 seed) external {
        if (_accounts.length == 0) return;
        GhostAccount storage chosen = _accounts[seed % _accounts.length];
        settleOne(chosen.modelId, chosen.owner, chosen.asset);
        ++calls[msg.sig];
    }

    /// @dev Every account, newest models first: with parents before children in the ids or not.
    function settleAll() external {
        uint256 count = _accounts.length;
        if (count > 64) count = 64;
        RevenueAccount[] memory all = new RevenueAccount[](count);
        for (uint256 i; i < count; ++i) {
            GhostAccount storage one = _accounts[i];
            all[i] = RevenueAccount(one.modelId, one.owner, one.asset);
        }
        _LICENSING.settle(all);

        for (uint256 i; i < count; ++i) {
            ghostSettle(all[i].modelId, all[i].owner, all[i].asset);
        }
        ++calls[msg.sig];
    }

    function claim(uint256 who) external {
        address account = actor(who);
        for (uint256 i; i < 2; ++i) {
            address asset = someAsset(i);
            if (owed[account][asset] != 0) {
                vm.prank(account);
                uint256 paid = _LICENSING.claim(asset, account);
                assertEq(paid, owed[account][asset], "claim pays what is owed");
                moneyOut[asset] += paid;
                owed[account][asset] = 0;
                ++calls[msg.sig];
            }
            if (owedByMarket[account][asset] != 0) {
                vm.prank(account);
                uint256 paid = _MARKET.claim(asset, account);
                assertEq(paid, owedByMarket[account][asset], "the market, too");
                owedByMarket[account][asset] = 0;
            }
        }
    }

    function pass(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 0, 1000));
        ++calls[msg.sig];
    }

    /*//////////////////////////////////////////////////////////////
                                HELPERS
    //////////////////////////////////////////////////////////////*/

    function actor(uint256 seed) internal view returns (address) {
        return _actors[seed % _actors.length];
    }

    function someAsset(uint256 seed) public view returns (address) {
        return seed % 2 == 0 ? address(0) : address(_COIN);
    }

    /// @dev Odd prices, some of a few units.
    function priceOf(uint64 id) internal pure returns (uint128) {
        return id % 3 == 0 ? 7 : id * 1e15 + id;
    }

    /// @dev A model that is offered, or that is not.
    function pick(uint256 seed, bool offered) internal view returns (uint64 id, bool found) {
        for (uint256 i; i < models; ++i) {
            id = uint64((seed % models + i) % models) + 1;
            if (isOffered[id] == offered) return (id, true);
        }
    }

    function moveModel(uint64 id, address to) internal {
        owner[id] = to;
        if (!isOffered[id]) return;
        vm.prank(to);
        _LICENSING.reprice(id, 1, Price(assetOf[id], address(0), priceOf(id), false), 0);
    }

    function settleOne(uint64 modelId, address who, address asset) internal {
        RevenueAccount[] memory one = new RevenueAccount[](1);
        one[0] = RevenueAccount(modelId, who, asset);
        _LICENSING.settle(one);
        ghostSettle(modelId, who, asset);
    }

    /// @dev Whether the licence that would be extended is one that a derivative rests on.
    function isBound(address who, uint64 modelId) internal view returns (bool) {
        if (durationOf[modelId] == 0) return false;
        for (uint256 i; i < _licenses.length; ++i) {
            GhostLicense storage held = _licenses[i];
            if (held.modelId == modelId && held.holder == who && !held.gone && held.bound) {
                return true;
            }
        }
        return false;
    }

    function buyOne(address who, uint64 id, address to, uint32 quantity, uint256 tooMuch)
        internal
        returns (uint256 licenseId)
    {
        address asset = assetOf[id];
        uint256 amount = uint256(priceOf(id)) * quantity;
        Purchase memory order =
            Purchase(id, 1, quantity, asset, amount, block.timestamp, to, bytes32(0));
        Permit memory none_;
        uint256 value = asset == address(0) ? amount + tooMuch : 0;
        vm.prank(who);
        licenseId = _LICENSING.buy{value: value}(order, none_);

        moneyIn[asset] += amount;
        ghostEarn(id, asset, amount);
        assertEq(licenseId, ghostSell(id, to, quantity), "the licence's id");
    }
}
