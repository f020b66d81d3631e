// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";
import {IERC721Metadata} from "@openzeppelin/contracts/interfaces/IERC721Metadata.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";

import {IERC5192} from "./interfaces/IERC5192.sol";
import {IERC7572} from "./interfaces/IERC7572.sol";
import {ILicenseToken} from "./interfaces/ILicenseToken.sol";
import {IModelLicensing} from "./interfaces/IModelLicensing.sol";
import {Holding} from "./types/License.sol";
import {LicenseId, OfferKey, offerKey, toLicenseId} from "./types/LicenseId.sol";

/// @title LicenseToken
/// @notice See {ILicenseToken}.
/// @dev A licence has no record of its own: its id says what it is a licence of, and its holder's
/// `Holding` when it expires. That is one slot less for each licence, and lets `entitled` look at a
/// holder's offers instead of its tokens, of which anybody can send it any number.
contract LicenseToken is ILicenseToken, ERC721 {
    using Strings for uint256;

    bytes4 private constant _ERC4906_INTERFACE_ID = 0x49064906; // it has events, no functions

    /// @inheritdoc ILicenseToken
    string public constant version = "1.0.0";

    /// @inheritdoc ILicenseToken
    IModelLicensing public immutable licensing;

    // slots 0 to 5 are ERC721's

    mapping(address account => mapping(OfferKey key => Holding)) private _holdings; // slot 6

    /// @inheritdoc ILicenseToken
    mapping(uint256 licenseId => uint64 childId) public derivativeOf; // slot 7

    constructor() ERC721("Anacostia Licences", "LICENCE") {
        licensing = IModelLicensing(msg.sender);
    }

    modifier onlyLicensing() {
        if (msg.sender != address(licensing)) revert LicenseToken_NotLicensing(msg.sender);
        _;
    }

    /*//////////////////////////////////////////////////////////////
                               LICENSING
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc ILicenseToken
    function mint(address to, LicenseId first, uint32 quantity, uint32 duration, bool transferable)
        external
        onlyLicensing
        returns (LicenseId)
    {
        // Not `_safeMint`: a receiver that is called back could reenter the sale.
        Holding storage holding = _holdings[to][first.toOfferKey()];
        if (duration == 0) {
            holding.count += quantity;
            holding.locked = !transferable;
            uint256 id = LicenseId.unwrap(first);
            for (uint256 i; i < quantity; ++i) {
                _mint(to, id + i);
                if (!transferable) emit Locked(id + i);
            }
            return first;
        }

        // What is left of a licence that is extended is not lost.
        bool extends = holding.count != 0;
        uint64 from = uint64(block.timestamp);
        if (extends && holding.expiresAt > from) from = holding.expiresAt;
        uint64 until = from + uint64(duration) * quantity;
        if (extends) {
            first = toLicenseId(first.toModelId(), first.toOffer(), holding.serial);
            holding.expiresAt = until;
            emit MetadataUpdate(LicenseId.unwrap(first));
        } else {
            _holdings[to][first.toOfferKey()] = Holding(1, first.toSerial(), until, !transferable);
            _mint(to, LicenseId.unwrap(first));
            if (!transferable) emit Locked(LicenseId.unwrap(first));
        }
        emit LicenseExtended(LicenseId.unwrap(first), until);
        return first;
    }

    /// @inheritdoc ILicenseToken
    function bind(uint256 licenseId, address holder, uint64 childId) external onlyLicensing {
        // Check: it is the holder's, valid, and nothing rests on it yet.
        if (_requireOwned(licenseId) != holder) revert LicenseToken_NotHolder(licenseId, holder);
        Holding storage holding = _holdingOf(licenseId, holder);
        if (_isExpired(holding)) revert LicenseToken_Expired(licenseId, holding.expiresAt);
        if (derivativeOf[licenseId] != 0) {
            revert LicenseToken_Bound(licenseId, derivativeOf[licenseId]);
        }

        // Effect: bind it.
        derivativeOf[licenseId] = childId;
        emit LicenseBound(licenseId, childId);
        if (!holding.locked) emit Locked(licenseId);
    }

    /*//////////////////////////////////////////////////////////////
                                HOLDERS
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc ILicenseToken
    function burn(uint256 licenseId) external {
        if (msg.sender != _requireOwned(licenseId)) {
            revert LicenseToken_NotHolder(licenseId, msg.sender);
        }
        _burn(licenseId);
    }

    /*//////////////////////////////////////////////////////////////
                                 VIEWS
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc ILicenseToken
    function holdingOf(address account, uint64 modelId, uint32 offer)
        external
        view
        returns (Holding memory)
    {
        return _holdings[account][offerKey(modelId, offer)];
    }

    /// @inheritdoc ILicenseToken
    function isHolder(address account, uint64 modelId, uint32 offer) external view returns (bool) {
        Holding storage holding = _holdings[account][offerKey(modelId, offer)];
        return holding.count != 0 && !_isExpired(holding);
    }

    /// @inheritdoc ILicenseToken
    function expiresAt(uint256 licenseId) public view returns (uint64) {
        return _holdingOf(licenseId, _requireOwned(licenseId)).expiresAt;
    }

    /// @inheritdoc IERC5192
    function locked(uint256 licenseId) public view returns (bool) {
        address holder = _requireOwned(licenseId);
        return derivativeOf[licenseId] != 0 || _holdingOf(licenseId, holder).locked;
    }

    /// @inheritdoc IERC721Metadata
    function tokenURI(uint256 licenseId)
        public
        view
        override(ERC721, IERC721Metadata)
        returns (string memory)
    {
        LicenseId id = LicenseId.wrap(licenseId);
        uint64 expiry = expiresAt(licenseId);
        (uint64 modelId, uint32 offer) = (id.toModelId(), id.toOffer());
        bytes32 termsId = licensing.offerOf(modelId, offer).termsId;
        string memory model = uint256(modelId).toString();
        return string.concat(
            'data:application/json;utf8,{"name":"Licence ',
            string.concat(
                model, "/", uint256(offer).toString(), "/", uint256(id.toSerial()).toString()
            ),
            '","description":"A licence of an Anacostia model.","attributes":[{"trait_type":"model",',
            string.concat('"value":"', model, '"},{"trait_type":"terms","value":"'),
            uint256(termsId).toHexString(32),
            '"},{"trait_type":"expires","display_type":"date","value":',
            string.concat(uint256(expiry).toString(), "}]}")
        );
    }

    /// @inheritdoc IERC7572
    function contractURI() external pure returns (string memory) {
        return 'data:application/json;utf8,{"name":"Anacostia Licences","symbol":"LICENCE",'
            '"description":"Licences of registered machine-learning models and datasets."}';
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId)
        public
        view
        override(ERC721, IERC165)
        returns (bool)
    {
        return interfaceId == type(IERC5192).interfaceId || interfaceId == _ERC4906_INTERFACE_ID
            || interfaceId == type(IERC7572).interfaceId || super.supportsInterface(interfaceId);
    }

    /*//////////////////////////////////////////////////////////////
                                INTERNAL
    //////////////////////////////////////////////////////////////*/

    /// @dev Every transfer and burn comes through here, and moves what the holder holds with the
    /// token. `mint` writes what it mints itself.
    function _update(address to, uint256 licenseId, address auth)
        internal
        override
        returns (address from)
    {
        from = super._update(to, licenseId, auth);
        if (from == address(0)) return from;

        // Check: no derivative rests on it, and it is not locked, unless it is burned.
        Holding storage given = _holdingOf(licenseId, from);
        if (derivativeOf[licenseId] != 0 || (given.locked && to != address(0))) {
            revert LicenseToken_Locked(licenseId);
        }

        // Effect: move it, with what is left of its time.
        if (from == to) return from;
        if (to != address(0)) _receive(_holdingOf(licenseId, to), given, to, licenseId);
        if (--given.count == 0) delete _holdings[from][LicenseId.wrap(licenseId).toOfferKey()];
    }

    function _receive(Holding storage taken, Holding storage given, address to, uint256 licenseId)
        private
    {
        if (given.expiresAt != 0 && taken.count != 0) {
            revert LicenseToken_AlreadyHeld(to, licenseId);
        }
        (taken.count, taken.serial, taken.expiresAt) =
        (taken.count + 1, given.serial, given.expiresAt);
    }

    function _holdingOf(uint256 licenseId, address account) private view returns (Holding storage) {
        return _holdings[account][LicenseId.wrap(licenseId).toOfferKey()];
    }

    function _isExpired(Holding storage holding) private view returns (bool) {
        return holding.expiresAt != 0 && holding.expiresAt <= block.timestamp;
    }
}
