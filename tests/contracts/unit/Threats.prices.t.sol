// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ModelLicensing} from "../../../contracts/ModelLicensing.sol";
import {IMetricReceiver} from "../../../contracts/interfaces/IMetricReceiver.sol";
import {IModelLicensing} from "../../../contracts/interfaces/IModelLicensing.sol";
import {IModelPricing} from "../../../contracts/interfaces/IModelPricing.sol";
import {ALL_FIELDS, ALL_RIGHTS, Terms} from "../../../contracts/types/License.sol";
import {Price} from "../../../contracts/types/Payment.sol";
import {Basis, Point} from "../../../contracts/types/Pricing.sol";
import {OraclesTest} from "../Oracles.t.sol";

/// @notice What docs/security.md says of guardians, and of a price after its model was sold.
contract PriceThreatsTest is OraclesTest {
    ModelLicensing internal licensing;
    bytes32 internal termsId;

    function setUp() public override {
        super.setUp();
        licensing = new ModelLicensing(registry);
        Terms memory terms;
        (terms.rights, terms.fields) = (ALL_RIGHTS, ALL_FIELDS);
        (terms.license, terms.uri) = ("LicenseRef-any", "ipfs://any");
        termsId = licensing.registerTerms(terms);
        setPricing(config());
        vm.prank(alice);
        pricing.setTermsFactor(model, termsId, 10_000);
    }

    /*//////////////////////////////////////////////////////////////
                               GUARDIANS
    //////////////////////////////////////////////////////////////*/

    function test_guardian_ofAPriceStopsSalesAndDoesNothingElse() public {
        vm.startPrank(guardian);
        bytes memory refused =
            abi.encodeWithSelector(IModelPricing.ModelPricing_NotOwner.selector, model, guardian);
        vm.expectRevert(refused);
        pricing.setPricing(model, config(), curve(true));
        vm.expectRevert(refused);
        pricing.setTermsFactor(model, termsId, 1);
        vm.expectRevert(refused);
        pricing.setManualPrice(model, 50e6, uint40(START + 1 hours));
        vm.expectRevert(refused);
        pricing.endManualPrice(model);
        pricing.stop(model);
        vm.expectRevert(refused);
        pricing.resume(model);
        vm.stopPrank();
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelPricing.ModelPricing_NotForSale.selector, model, Basis.Stopped
            )
        );
        pricing.priceOf(model);
    }

    /// @dev It can take a source's voice away for good, one workflow after another; never give one.
    function test_guardian_ofASourceStopsItAndEndsWorkflows() public {
        bytes32 next = keccak256("next");
        vm.prank(carol);
        receiver.proposeWorkflow(source, next, 0);
        vm.startPrank(guardian);
        receiver.revokeWorkflow(source, WORKFLOW);
        receiver.revokeWorkflow(source, next);
        receiver.stop(source);
        bytes memory refused = abi.encodeWithSelector(
            IMetricReceiver.MetricReceiver_NotOwner.selector, source, guardian
        );
        vm.expectRevert(refused);
        receiver.proposeWorkflow(source, WORKFLOW, 0);
        vm.expectRevert(refused);
        receiver.resume(source);
        vm.stopPrank();
        assertEq(receiver.windowOf(source, WORKFLOW).until, START, "ended");
        assertEq(receiver.windowOf(source, next).until, START, "never begins");

        // The owner goes on with a workflow after its delay, as with any.
        vm.startPrank(carol);
        receiver.proposeWorkflow(source, WORKFLOW, 0);
        receiver.resume(source);
        assertEq(receiver.windowOf(source, WORKFLOW).from, START + DELAY, "after the delay");
    }

    /*//////////////////////////////////////////////////////////////
                            A MODEL THAT IS SOLD
    //////////////////////////////////////////////////////////////*/

    /// @dev Nothing is sold at the seller's price until the buyer makes an offer that asks for it.
    function test_sale_endsOffersAndNotThePrice() public {
        uint32 number = offerAs(alice);
        vm.prank(alice);
        pricing.setManualPrice(model, 10e6, uint40(START + 30 days));
        transfer(alice, bob, model);
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelLicensing.ModelLicensing_OfferEnded.selector, model, number
            )
        );
        licensing.quote(model, number, address(usdc));
        expectPrice(10e6, Basis.Manual);
        assertEq(pricing.termsFactorOf(model, termsId), 10_000, "factor");

        // The seller has no say in it any more, and what it has said stays.
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(IModelPricing.ModelPricing_NotOwner.selector, model, alice)
        );
        pricing.setManualPrice(model, 10e6, uint40(START + 30 days));
        number = offerAs(bob);
        assertEq(licensing.quote(model, number, address(usdc)), 10e6, "what the seller left");

        // New rules end it, but for the factors.
        vm.prank(bob);
        pricing.setPricing(model, fixedAt(70e6), new Point[](0));
        expectPrice(70e6, Basis.Fixed);
        assertEq(pricing.termsFactorOf(model, termsId), 10_000, "until bob sets his own");
    }

    function test_sale_leavesThePriceToTheSellersSource() public {
        transfer(alice, bob, model);
        pass(1 hours); // the cooldown
        deliver(990_000); // from the workflow that the seller chose
        pricing.sync(model);
        expectPrice(110e6, Basis.Followed);

        // Bob follows nothing: the source cannot be heard any more.
        vm.prank(bob);
        pricing.setPricing(model, fixedAt(70e6), new Point[](0));
        expectPrice(70e6, Basis.Fixed);
        vm.expectRevert(
            abi.encodeWithSelector(IModelPricing.ModelPricing_NothingToFollow.selector, model)
        );
        pricing.sync(model);
    }

    function offerAs(address who) internal returns (uint32) {
        vm.prank(who);
        return licensing.offer(model, termsId, Price(address(0), address(pricing), 0, false), 0);
    }

    function expectPrice(uint64 price, Basis basis) internal view {
        (uint64 actual, Basis actualBasis) = pricing.priceOf(model);
        assertEq(actual, price, "price");
        assertEq(uint8(actualBasis), uint8(basis), "basis");
    }
}
