// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IQuoter} from "../interfaces/IQuoter.sol";
import {Permit, Price} from "../types/Payment.sol";

/// @title Payments
/// @notice Prices, money in, and money out that is pulled: the native coin and ERC-20 tokens.
/// @dev Money comes in from the caller alone and to the unit: tokens that take a fee on the way, or
/// say that they moved what they did not, are refused. Tokens that return nothing are taken. What
/// balances do by themselves later (rebasing) is not followed, and harms those who are owed that token.
library Payments {
    using SafeERC20 for IERC20;

    /// @notice What a contract owes.
    /// @param owed Amount by account and asset.
    struct Ledger {
        mapping(address account => mapping(address asset => uint256 amount)) owed;
    }

    /// @notice Emitted when an account is paid what it is owed.
    /// @param account Whose claim it was.
    /// @param asset ERC-20 token, or the zero address for the native coin.
    /// @param recipient Who was paid.
    /// @param amount How much.
    event Claimed(
        address indexed account, address indexed asset, address recipient, uint256 amount
    );

    /// @notice Thrown when a price is zero and not said to be free.
    error Payments_ZeroPrice();

    /// @notice Thrown when a price is more than one of fixed, asked elsewhere, and free.
    error Payments_AmbiguousPrice();

    /// @notice Thrown when a payment is offered in an asset that is not asked for.
    error Payments_WrongAsset(address asset, address expected);

    /// @notice Thrown when the price is above what the buyer would pay.
    error Payments_AboveMaxPay(uint256 price, uint256 maxPay);

    /// @notice Thrown when a purchase comes after its deadline.
    error Payments_DeadlinePassed(uint256 deadline);

    /// @notice Thrown when less of the native coin is sent than is to be paid.
    error Payments_Underpaid(uint256 price, uint256 sent);

    /// @notice Thrown when the native coin is sent to where a token is to be paid.
    error Payments_UnexpectedValue(uint256 sent);

    /// @notice Thrown when there is no code where a token should be.
    error Payments_NotAToken(address asset);

    /// @notice Thrown when a token did not move exactly what it was to move.
    error Payments_WrongAmountReceived(address asset, uint256 expected, uint256 received);

    /// @notice Thrown when somebody does not take the native coin.
    error Payments_NotTaken(address recipient, uint256 amount);

    /// @notice Thrown when the zero address is to be paid, or to be given what was bought.
    error Payments_ZeroRecipient();

    /// @notice Thrown when an account is owed nothing.
    error Payments_NothingToClaim(address account, address asset);

    /// @notice Reverts unless a price is one of fixed, asked elsewhere, and free.
    function check(Price calldata price) internal pure {
        if (price.free || price.pricing != address(0)) {
            bool both = price.free && price.pricing != address(0);
            if (both || price.amount != 0 || price.asset != address(0)) {
                revert Payments_AmbiguousPrice();
            }
        } else if (price.amount == 0) {
            revert Payments_ZeroPrice();
        }
    }

    /// @notice A price in the asset that a buyer wants to pay with.
    /// @param termsId See `IQuoter.quote`.
    function quote(Price memory price, uint64 modelId, bytes32 termsId, address asset)
        internal
        view
        returns (uint256 amount)
    {
        if (price.pricing != address(0)) {
            amount = IQuoter(price.pricing).quote(modelId, termsId, asset);
            if (amount == 0) revert Payments_ZeroPrice();
        } else {
            if (asset != price.asset) revert Payments_WrongAsset(asset, price.asset);
            amount = price.amount;
        }
    }

    /// @notice Reverts if a price is above the most that a buyer pays, or comes too late.
    function checkLimits(uint256 amount, uint256 maxPay, uint256 deadline) internal view {
        if (block.timestamp > deadline) revert Payments_DeadlinePassed(deadline);
        if (amount > maxPay) revert Payments_AboveMaxPay(amount, maxPay);
    }

    /// @notice Takes an amount from the caller; what it sent too much of the native coin goes back.
    function take(address asset, uint256 amount, Permit calldata permit) internal {
        if (asset == address(0)) {
            if (msg.value < amount) revert Payments_Underpaid(amount, msg.value);
            if (msg.value != amount) _send(msg.sender, msg.value - amount);
            return;
        }
        if (msg.value != 0) revert Payments_UnexpectedValue(msg.value);
        if (asset.code.length == 0) revert Payments_NotAToken(asset);

        if (permit.deadline != 0) {
            // A permit that fails may have been used already, by whoever saw it on its way here; then
            // the allowance is there. If it is not, the transfer fails.
            try IERC20Permit(asset)
                .permit(
                    msg.sender,
                    address(this),
                    permit.value,
                    permit.deadline,
                    permit.v,
                    permit.r,
                    permit.s
                ) {}
                catch {}
        }
        uint256 before = IERC20(asset).balanceOf(address(this));
        IERC20(asset).safeTransferFrom(msg.sender, address(this), amount);
        uint256 now_ = IERC20(asset).balanceOf(address(this));
        uint256 received = now_ > before ? now_ - before : 0;
        if (received != amount) revert Payments_WrongAmountReceived(asset, amount, received);
    }

    /// @notice Adds to what an account is owed.
    function credit(Ledger storage ledger, address account, address asset, uint256 amount)
        internal
    {
        ledger.owed[account][asset] += amount;
    }

    /// @notice Pays the caller all that it is owed in an asset, to wherever it says.
    function claim(Ledger storage ledger, address asset, address recipient)
        internal
        returns (uint256 amount)
    {
        if (recipient == address(0)) revert Payments_ZeroRecipient();
        amount = ledger.owed[msg.sender][asset];
        if (amount == 0) revert Payments_NothingToClaim(msg.sender, asset);

        delete ledger.owed[msg.sender][asset];
        emit Claimed(msg.sender, asset, recipient, amount);

        if (asset == address(0)) _send(recipient, amount);
        else IERC20(asset).safeTransfer(recipient, amount);
    }

    function _send(address recipient, uint256 amount) private {
        (bool success,) = recipient.call{value: amount}("");
        if (!success) revert Payments_NotTaken(recipient, amount);
    }
}
