"""The codes of WorkOS's errors that may enter a state, a log or a message: no other text of an answer does.

A server or proxy may echo anything as a code, an API key too; its shape tells nothing. From the vendor's API
description (@workos/openapi-spec), its emulator, and answers met in practice.
"""

from __future__ import annotations

KNOWN_CODES = frozenset(
    """
    access_denied api_key_revoked application_consent_required authentication_method_not_allowed
    authorization_pending authorization_resource_external_id_conflict bad_request
    cannot_deactivate_pending_organization_membership cannot_reactivate_pending_organization_membership
    code_challenge_not_found conflict connection_invalid connection_not_found connection_type_not_updatable
    cors_origin_already_exists daily_quota_exceeded domain_already_exists domain_already_verified duplicate
    duplicate_cors_origin duplicate_endpoint email_already_exists email_already_invited
    email_already_invited_to_organization email_already_verified email_change_code_expired
    email_change_code_incorrect email_change_code_previously_used email_change_not_allowed email_change_not_needed
    email_change_too_many_attempts email_not_available email_password_auth_disabled email_previously_verified
    email_required email_verification_code_expired email_verification_code_incorrect
    email_verification_code_previously_used email_verification_required entity_not_found expired_code expired_token
    external_id_already_used extra_attributes_required forbidden group_not_found internal_server_error invalid
    invalid_api_key invalid_client invalid_code invalid_connection invalid_credentials invalid_email invalid_grant
    invalid_invite invalid_locale invalid_metadata invalid_one_time_code invalid_organization_id
    invalid_password_hash invalid_pending_authentication_token invalid_profile invalid_redirect_uri invalid_request
    invalid_request_body invalid_request_parameters invalid_resource_id_format invalid_role invalid_token
    invalid_url invitation_cannot_be_used_for_email invitation_invalid lock_timeout maintenance mfa_challenge
    mfa_challenge_failed mfa_enrollment missing_user_id_or_organization_id multiple_roles_not_enabled not_found
    organization_authentication_methods_required organization_membership_already_exists
    organization_membership_not_found organization_not_found organization_role_slug_conflict
    organization_selection_required password_and_password_hash_provided
    password_and_password_hash_type_provided password_reset_error password_reset_not_allowed
    password_strength_error permission_slug_conflict pkce_not_supported radar_challenge radar_sign_up_challenge
    rate_limit_exceeded redirect_uri_already_exists required resource_has_dependents
    resource_type_update_in_progress role_has_assignments role_has_group_role_mappings role_slug_conflict
    server_error service_unavailable sign_up_not_allowed slow_down sso_required stripe_customer_id_already_used
    sub_resource_scoped_role_not_allowed token_too_big unauthorized unauthorized_client unprocessable_entity
    unsupported_grant_type user_already_exists user_already_organization_member user_creation_error
    user_deletion_not_allowed user_mismatch validation_error
    """.split()  # noqa: SIM905 - a hundred quotes and commas would hide the words
)
