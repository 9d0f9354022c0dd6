"""Operations of REST APIs, by resource. https://docs.aws.amazon.com/apigateway/latest/api/API_Operations.html"""
