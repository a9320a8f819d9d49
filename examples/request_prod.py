import os

from indentapi import IndentAPI

indent = IndentAPI(
    space_name=os.getenv('INDENT_SPACE'), # default
    api_token=os.getenv('INDENT_API_TOKEN'), # from <server>/api-keys
)

resources = indent.resource.list(view='requestable')

pet = indent.petition.create(
    reason='to debug production',
    resources=[r for r in resources if r['displayName'] == 'Production'],
)

print(f'Requested: {indent.api_url}/access/{pet["spaceName"]}/{pet["name"]}')
