// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IQuoter} from "./IQuoter.sol";

/// @title IModelPricing
/// @notice A model's price in dollars, which follows an attested metric; see `IQuoter` for what
/// offers and listings ask of it.
interface IModelPricing is IQuoter {}
