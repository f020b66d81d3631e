// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ModelPricing} from "../../../contracts/ModelPricing.sol";
import {UsdFeeds} from "../../../contracts/UsdFeeds.sol";
import {Point} from "../../../contracts/types/Pricing.sol";
import {OraclesTest} from "../Oracles.t.sol";
import {Signed} from "../mocks/Don.sol";

/// @notice Asks for a quote as a sale does, and says what that cost.
contract Buyer {
    function costOf(address pricing, bytes calldata question) external view returns (uint256 cost) {
        cost = gasleft();
        (bool success,) = pricing.staticcall(question);
        cost -= gasleft();
        require(success, "no quote");
    }
}

/// @notice Whole transactions, every slot cold; see `ModelRegistryGasTest`. A quote is no transaction:
/// it is what the question adds to a purchase, with aggregators of Chainlink's own behind it.
///
/// One aim is missed, a quote at 40,000, on rollups alone: the sequencer's feed must be read as well.
/// The floor there: four cold contracts 10,400; the price's two slots, the factor, the feed's two and
/// nine of the aggregators' 29,400: 39,800 before any computation.
contract ModelPricingGasTest is OraclesTest {
    bytes32 internal constant TERMS = keccak256("terms");

    function setUp() public override {
        vm.skip(keccak256(bytes(vm.envOr("FOUNDRY_PROFILE", string("")))) != keccak256("ship"));
        super.setUp();
    }

    function test_size() public {
        snapSize("UsdFeeds", address(feeds));
        snapSize("MetricReceiver", address(receiver));
        snapSize("ModelPricing", address(pricing));
    }

    function test_delivery() public {
        send(930_000);
        snap("delivery, first of its metric", 210_000);
        vm.warp(START + 60);
        send(940_000);
        snap("delivery", 110_000);
    }

    function test_delivery_byName() public {
        bytes32 named = receiver.workflowByName(carol, WORKFLOW_NAME);
        vm.prank(carol);
        receiver.proposeWorkflow(source, named, WORKFLOW);
        vm.warp(START + DELAY + OVERLAP);
        send(930_000);
        vm.warp(block.timestamp + 60);
        send(940_000);
        snap("delivery, workflow known by its name", 115_000);
    }

    function test_sync() public {
        setPricing(config());
        snap("setPricing, 3 points", 320_000);
        for (uint256 i; i < 2; ++i) {
            pass(1 hours);
            deliver(940_000);
            pricing.sync(model);
            snap(i == 0 ? "sync, first" : "sync", 60_000);
        }
    }

    function test_sync_16Points() public {
        Point[] memory points = new Point[](16);
        for (uint256 i; i < 16; ++i) {
            points[i] = Point(int64(uint64(50_000 * i)), uint64(50e6 + 20e6 * i));
        }
        vm.prank(alice);
        pricing.setPricing(model, config(), points);
        snap("setPricing, 16 points", 500_000);
        pass(1 hours);
        deliver(620_000);
        pricing.sync(model);
        snap("sync, 16 points", 65_000);
    }

    function test_quote() public {
        setPricing(config());
        vm.prank(alice);
        pricing.setTermsFactor(model, TERMS, 10_000);
        snap("setTermsFactor", 60_000);
        pass(1 hours);
        deliver(940_000);
        pricing.sync(model);
        snapQuote(address(0), "quote, native coin, with a sequencer", 47_500);
        snapQuote(address(usdc), "quote, stablecoin, with a sequencer", 47_500);
    }

    function test_quote_withoutASequencer() public {
        feeds = new UsdFeeds(address(0), configs());
        pricing = new ModelPricing(nft, feeds);
        setPricing(config());
        vm.prank(alice);
        pricing.setTermsFactor(model, TERMS, 10_000);
        snapQuote(address(0), "quote, native coin", 40_000);
        snapQuote(address(usdc), "quote, stablecoin", 40_000);
    }

    function test_manual() public {
        setPricing(config());
        vm.prank(alice);
        pricing.setManualPrice(model, 80e6, uint40(START) + 1 days);
        snap("setManualPrice", 60_000);
    }

    function snapQuote(address asset, string memory name, uint256 aim) internal {
        Buyer buyer = new Buyer();
        bytes memory question = abi.encodeCall(pricing.quote, (model, TERMS, asset));
        uint256 cost = buyer.costOf(address(pricing), question);
        vm.snapshotValue("ModelPricing", name, cost);
        assertLe(cost, aim, name);
    }

    /// @dev Signed before, so that the forwarder's call is the last.
    function send(int64 value) internal {
        Signed memory signed = don.sign(draftOf(value));
        deliver(signed);
    }

    function snapSize(string memory name, address deployed) internal {
        uint256 size = deployed.code.length;
        vm.snapshotValue("size", name, size);
        assertLe(size, 24_576, name); // EIP-170
    }

    function snap(string memory name, uint256 aim) internal {
        assertLe(vm.snapshotGasLastCall("ModelPricing", name), aim, name);
    }
}
