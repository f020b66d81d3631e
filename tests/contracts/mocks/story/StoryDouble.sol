// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {
    IStoryLicensingModule
} from "../../../../contracts/interfaces/external/story/IStoryLicensingModule.sol";
import {AccessControllerDouble} from "./AccessControllerDouble.sol";
import {IPAccountDouble} from "./IPAccountDouble.sol";
import {IPAssetRegistryDouble} from "./IPAssetRegistryDouble.sol";

/// @notice Where the contracts of the double are.
struct StoryParts {
    address accessController;
    address coreMetadataModule;
    address disputeModule;
    address ipAssetRegistry;
    address licenseRegistry;
    address licenseToken;
    address licensingModule;
    address licenseTemplate;
    address royaltyModule;
    address royaltyPolicyLAP;
    address wrappedCoin;
}

/// @title StoryDouble
/// @notice Stands in for Story Protocol 1.3.2 where its own contracts cannot be: they may not be
/// copied, and live on its own chain with a precompile of its own. The contracts beside this one
/// behave as theirs do, errors, selectors and order of checks included, as far as this project uses
/// them; groups, hooks, arbitration and the relative royalty policy are not there. The conformance
/// tests run on both, unchanged.
/// @dev This one is the switchboard: it knows where the others are, and what Story's administrators
/// can do is done here, by anybody.
contract StoryDouble {
    StoryParts private _parts;

    bool public paused;

    mapping(address => bool) public isModule;
    mapping(address => bool) public isToken;

    function wire(StoryParts calldata parts) external {
        _parts = parts;
        isModule[parts.coreMetadataModule] = true;
        isModule[parts.disputeModule] = true;
        isModule[parts.licensingModule] = true;
        isModule[parts.royaltyModule] = true;
        isToken[parts.wrappedCoin] = true;
    }

    function at() external view returns (StoryParts memory) {
        return _parts;
    }

    function setPaused(bool value) external {
        paused = value;
    }

    function admit(address token, bool value) external {
        isToken[token] = value;
    }

    function requireNotPaused() external view {
        if (paused) revert IStoryLicensingModule.EnforcedPause();
    }
}

/// @notice What Story's modules share: where the others are, and who may act for an asset.
abstract contract StoryModule {
    StoryDouble internal immutable story;

    modifier whenNotPaused() {
        story.requireNotPaused();
        _;
    }

    /// @dev The asset itself, its owner, or whoever has its permission for this very function.
    modifier permitted(address ipId) {
        if (!isAccount(ipId)) revert IStoryLicensingModule.AccessControlled__NotIpAccount(ipId);
        if (msg.sender != ipId) {
            IPAccountDouble(payable(ipId))
                .updateStateForValidSigner(msg.sender, address(this), msg.data);
        }
        _;
    }

    constructor(StoryDouble story_) {
        story = story_;
    }

    function isAccount(address ipId) internal view returns (bool) {
        return IPAssetRegistryDouble(story.at().ipAssetRegistry).isIpAccount(ipId);
    }

    function hasPermission(address ipId) internal view returns (bool) {
        if (!isAccount(ipId)) return false;
        if (msg.sender == ipId) return true;
        AccessControllerDouble controller = AccessControllerDouble(story.at().accessController);
        try controller.checkPermission(ipId, msg.sender, address(this), msg.sig) {
            return true;
        } catch {
            return false;
        }
    }
}
